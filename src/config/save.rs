//! Writes a configuration file. Existing content, including comments and unknown keys, is kept; only changed values are
//! overwritten.

use super::environment::Environment;
use super::{Dumped, KEYS, Key};
use super::{Settings, expand_variable, file};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Keys whose default depends on the environment (terminal, locale), or whose presence alone has a meaning. They are
/// written only if they are already in the file or were given as options.
const ENVIRONMENT_DEPENDENT: &[&str] =
    &["encoding", "progress_meter", "public_url_use_https", "signurl_use_https"];

/// The text of a configuration file with these settings. `existing` is the current text of the file, if it exists. A
/// new file gets every key, as in s3cmd. `typed` returns whether an option set a key.
pub fn text(
    existing: Option<&str>,
    settings: &Settings,
    env: &dyn Environment,
    typed: impl Fn(&str) -> bool,
) -> String {
    let defaults = Settings::default();
    let mut lines: Vec<String> =
        existing.unwrap_or("[default]\n").split_inclusive('\n').map(str::to_owned).collect();
    if let Some(last) = lines.last_mut()
        && !last.ends_with('\n')
    {
        last.push('\n');
    }
    for key in KEYS.iter().filter(|key| key.in_file) {
        let Some(value) = (key.dump)(settings) else { continue };
        let last = lines
            .iter()
            .rposition(|line| file::parse_assignment(line).is_some_and(|(name, _)| name == key.name));
        match last {
            Some(index) => {
                let (_, current) = file::parse_assignment(&lines[index]).unwrap_or_default();
                if !is_equivalent(key, current, &value, env) {
                    let indent: String = lines[index].chars().take_while(|c| c.is_whitespace()).collect();
                    lines[index] = format!("{indent}{} = {}\n", key.name, quoted(&value));
                }
            }
            None => {
                let changed = (key.dump)(&defaults).as_ref() != Some(&value);
                let is_needed = match key.dumped {
                    _ if ENVIRONMENT_DEPENDENT.contains(&key.name) => typed(key.name),
                    Dumped::Always => existing.is_none() || changed,
                    Dumped::WhenSet | Dumped::WhenChanged => changed,
                };
                if is_needed {
                    lines.push(format!("{} = {}\n", key.name, quoted(&value)));
                }
            }
        }
    }
    let mut text = String::new();
    for line in lines {
        // Writing to a string cannot fail.
        let _ = text.write_str(&line);
    }
    text
}

/// Whether the current text in the file already results in this value, possibly in another spelling or by a variable.
fn is_equivalent(key: &Key, current: &str, value: &str, env: &dyn Environment) -> bool {
    let mut settings = Settings::default();
    let Some(current) = expand_variable(current, env) else { return false };
    settings.set_from_file(key.name, &current).is_ok() && (key.dump)(&settings).as_deref() == Some(value)
}

/// Quotes a value that starts and ends with a double quote, because the parser removes one pair of quotes.
fn quoted(value: &str) -> String {
    let needs_quotes = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
    if needs_quotes { format!("\"{value}\"") } else { value.to_owned() }
}

/// Writes the file with mode 0600 and replaces it atomically. If the path is a symbolic link, its target is replaced
/// and the link is kept.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = target(path);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let plain = |error: io::Error| error.raw_os_error().map_or(error, io::Error::from_raw_os_error);
    let mut file = tempfile::Builder::new().prefix(".s3cfg.").tempfile_in(parent).map_err(plain)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    crate::files::check_close_errors(file.as_file())?;
    file.persist(path).map_err(|error| plain(error.error))?;
    Ok(())
}

/// Resolves symbolic links. The target of a link need not exist yet.
fn target(path: &Path) -> PathBuf {
    if let Ok(found) = std::fs::canonicalize(path) {
        return found;
    }
    match std::fs::read_link(path) {
        Ok(link) => path.parent().unwrap_or(Path::new("")).join(link),
        Err(_) => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FixedEnvironment;

    fn saved(existing: Option<&str>, change: impl FnOnce(&mut Settings)) -> String {
        let env = FixedEnvironment::default().with("SECRET", "from outside");
        let mut settings = Settings::default();
        for (key, value) in file::parse(existing.unwrap_or("")).values {
            if let Some(value) = expand_variable(&value, &env) {
                settings.set_from_file(&key, &value).unwrap();
            }
        }
        change(&mut settings);
        text(existing, &settings, &env, |_| false)
    }

    #[test]
    fn existing_content_is_kept_except_for_changed_values() {
        let existing = "# my own\n[default]\naccess_key = OLD\nsecret_key = $SECRET\n  use_https=no\nmine = 1\n\
                        nonsense\n\n[more]\naccess_key = A";
        assert_eq!(saved(Some(existing), |_| ()), format!("{existing}\n"));
        let changed = saved(Some(existing), |settings| {
            settings.access_key = "NEW".into();
            settings.use_https = true;
            settings.gpg_passphrase = "p".into();
        });
        let expected = existing
            .replace("access_key = A", "access_key = NEW")
            .replace("use_https=no", "use_https = True");
        assert_eq!(changed, format!("{expected}\ngpg_passphrase = p\n"));
    }

    #[test]
    fn a_new_file_has_all_keys_except_environment_dependent_ones() {
        let text = saved(None, |settings| settings.access_key = "A".into());
        assert!(text.starts_with("[default]\naccess_key = A\naccess_token = \n"));
        assert_eq!(
            text.lines().count(),
            Settings::default().dump().lines().count() - ENVIRONMENT_DEPENDENT.len()
        );
    }

    #[test]
    fn quotes_survive() {
        let text = saved(None, |settings| settings.secret_key = "\"q\"".into());
        assert_eq!(file::parse(&text).values["secret_key"], "\"q\"");
    }

    #[test]
    fn the_file_is_private_and_a_link_stays_one() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::os::unix::fs::symlink("file", &link).unwrap();
        for text in ["one", "two"] {
            write(&link, text).unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        let error = write(&folder.path().join("none/x"), "").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
