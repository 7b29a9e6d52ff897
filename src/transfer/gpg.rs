//! Runs the GPG program to encrypt uploads (`-e`) and to decrypt downloads that are marked as encrypted.
//!
//! The command lines are the templates `gpg_encrypt` and `gpg_decrypt`, split at spaces before the names are
//! substituted. The passphrase goes to the program's standard input, never on a command line (measured on s3cmd 2.4.0).
//! Both directions work from file to file in a directory with mode 0700, which is always removed afterwards.

use super::compare::md5_of_file;
use super::download::{Target, names};
use crate::output::reason;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::{Mutex, Semaphore};
use zeroize::Zeroizing;

/// s3cmd's error for a missing program.
const NOT_FOUND: &str = "GPG program not found";

/// The program names to search for if `gpg_command` is empty.
const PROGRAMS: [&str; 2] = ["gpg", "gpg2"];

/// How many of the last lines of GPG's error output are quoted. The last one alone often says only that it failed.
const ERROR_LINES: usize = 3;

/// How GPG is called.
#[derive(Clone)]
pub struct GpgOptions {
    /// The program. `None`: `gpg` or `gpg2` on the search path.
    pub command: Option<PathBuf>,
    /// The command line that encrypts, as words with names to substitute.
    pub encrypt: Vec<String>,
    /// The command line that decrypts.
    pub decrypt: Vec<String>,
    /// The passphrase.
    pub passphrase: Zeroizing<String>,
}

/// Omits the passphrase.
impl std::fmt::Debug for GpgOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpgOptions").field("command", &self.command).finish_non_exhaustive()
    }
}

/// Calls GPG. Clones share the limit on processes.
#[derive(Clone, Debug)]
pub struct Gpg {
    /// The options, with the program that was found.
    options: GpgOptions,
    /// One process per core, because GPG is CPU-bound.
    permits: Arc<Semaphore>,
    /// Whether a process has succeeded. Until then they run one at a time.
    has_run: Arc<Mutex<bool>>,
}

/// A private directory for the encrypted and the plain file. Removed with its contents on drop.
#[derive(Debug)]
pub struct PrivateDir {
    directory: TempDir,
}

impl PrivateDir {
    /// Creates one in the directory for temporary files: `$TMP`, otherwise the system default (measured on s3cmd
    /// 2.4.0).
    pub fn temporary() -> io::Result<Self> {
        let directory = std::env::var_os("TMP").map(PathBuf::from).filter(|path| path.is_dir());
        let mut builder = tempfile::Builder::new();
        builder.prefix("s3cmd-");
        Self::within(&directory.unwrap_or_else(std::env::temp_dir), builder)
    }

    /// Creates one from which a file can be renamed to the target: in the target's directory, if the target is a file.
    pub(super) fn next_to(target: &Target) -> io::Result<Self> {
        let Target::File(path) = target else { return Self::temporary() };
        let mut prefix = String::new();
        Self::within(names::parent(path), names::private(path, &mut prefix))
    }

    fn within(parent: &Path, mut builder: tempfile::Builder<'_, '_>) -> io::Result<Self> {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let named = |error: io::Error| {
            // The original error names a random path, which means nothing to users.
            let plain = error
                .get_ref()
                .and_then(|inner| inner.source())
                .map_or_else(|| reason(&error), ToString::to_string);
            io::Error::new(error.kind(), format!("{}: {plain}", parent.display()))
        };
        Ok(Self { directory: builder.tempdir_in(parent).map_err(named)? })
    }

    /// The path of the encrypted file. It has no extension, so that the content type is not guessed from one.
    pub fn encrypted(&self) -> PathBuf {
        self.directory.path().join("encrypted")
    }

    /// The path of the plain file.
    pub fn plain(&self) -> PathBuf {
        self.directory.path().join("plain")
    }

    /// Writes the contents of `source` to the plain file.
    async fn fill(&self, mut source: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create_new(true);
        options.mode(0o600);
        let mut file = options.open(self.plain()).await?;
        tokio::io::copy(&mut source, &mut file).await?;
        file.flush().await
    }
}

/// A file that GPG encrypted.
#[derive(Debug)]
pub struct GpgEncrypted {
    directory: PrivateDir,
    /// Size of the encrypted content in bytes.
    pub size: u64,
    /// The MD5 of the plain content, which s3cmd stores with the object.
    pub md5: [u8; 16],
}

impl GpgEncrypted {
    /// The path of the encrypted content. The file exists until this value is dropped.
    pub fn path(&self) -> PathBuf {
        self.directory.encrypted()
    }
}

impl Gpg {
    /// Prepares calls. Searches for the program if the options name none.
    pub fn new(mut options: GpgOptions) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        options.command = options.command.or_else(|| program(std::env::var_os("PATH").unwrap_or_default()));
        Self { options, permits: Arc::new(Semaphore::new(cores)), has_run: Arc::default() }
    }

    /// Fails if the program is missing.
    pub fn check(&self) -> io::Result<()> {
        let found = |path: &PathBuf| path.components().count() < 2 || path.exists();
        if self.options.command.as_ref().is_some_and(found) {
            Ok(())
        } else {
            Err(io::Error::other(NOT_FOUND))
        }
    }

    /// Encrypts a file.
    pub async fn encrypt(&self, path: &Path) -> io::Result<GpgEncrypted> {
        let directory = PrivateDir::temporary()?;
        log::info!("Encrypting file {} to {}...", path.display(), directory.encrypted().display());
        self.encrypt_into(directory, path.to_owned()).await
    }

    /// Encrypts the contents of a stream.
    pub async fn encrypt_stream(&self, source: impl AsyncRead + Unpin) -> io::Result<GpgEncrypted> {
        let directory = PrivateDir::temporary()?;
        directory.fill(source).await?;
        let plain = directory.plain();
        let encrypted = self.encrypt_into(directory, plain.clone()).await?;
        std::fs::remove_file(plain)?;
        Ok(encrypted)
    }

    async fn encrypt_into(&self, directory: PrivateDir, path: PathBuf) -> io::Result<GpgEncrypted> {
        let before = std::fs::metadata(&path)?;
        self.run(&self.options.encrypt, &path, &directory.encrypted()).await?;
        let size = std::fs::metadata(directory.encrypted())?.len();
        // An OpenPGP message is never empty, but the decrypted content may be.
        if size == 0 {
            return Err(io::Error::other("GPG wrote nothing"));
        }
        let hashed = tokio::task::spawn_blocking(move || {
            let md5 = md5_of_file(&path, before.len())?;
            // GPG and the hasher each read the file, so it must be the same for both.
            let after = std::fs::metadata(&path)?;
            if (after.len(), after.modified()?) == (before.len(), before.modified()?) {
                Ok(md5)
            } else {
                Err(io::Error::other("the file changed while it was encrypted"))
            }
        });
        Ok(GpgEncrypted { directory, size, md5: hashed.await.map_err(io::Error::other)?? })
    }

    /// Decrypts the encrypted file of a directory into its plain file.
    pub async fn decrypt(&self, directory: &PrivateDir) -> io::Result<()> {
        self.run(&self.options.decrypt, &directory.encrypted(), &directory.plain()).await
    }

    async fn run(&self, template: &[String], input: &Path, output: &Path) -> io::Result<()> {
        self.check()?;
        let not_found = || io::Error::other(NOT_FOUND);
        let program = self.options.command.as_ref().ok_or_else(not_found)?;
        // Create the file first, so that it is private from its first byte.
        private_file(output)?;
        let input = plain_path(input);
        let words: Vec<OsString> =
            template.iter().map(|word| substituted(word, program, &input, output)).collect();
        let (first, rest) = words.split_first().ok_or_else(not_found)?;
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        // The first process creates GPG's home directory. Processes that start at the same time would fail to create
        // it.
        let alone = Some(self.has_run.lock().await).filter(|has_run| !**has_run);
        let mut child = Command::new(first)
            .args(rest)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| if error.kind() == io::ErrorKind::NotFound { not_found() } else { error })?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read the passphrase is not an error.
            let _ = stdin.write_all(self.options.passphrase.as_bytes()).await;
        }
        let finished = child.wait_with_output().await?;
        if let Some(mut has_run) = alone {
            *has_run = finished.status.success();
        }
        if !finished.status.success() {
            let message = error_message(&finished.stderr, &finished.status.to_string());
            let is_shown =
                self.options.passphrase.is_empty() || !message.contains(self.options.passphrase.as_str());
            return Err(io::Error::other(if is_shown {
                message
            } else {
                format!("GPG: {}", finished.status)
            }));
        }
        // GPG ignores errors of `close`, and this process cannot see them. Only syncing the file reports them.
        let written = output.to_owned();
        let on_disk = move || std::fs::OpenOptions::new().write(true).open(written)?.sync_all();
        tokio::task::spawn_blocking(on_disk).await.map_err(io::Error::other)??;
        Ok(())
    }
}

/// Finds the first of GPG's names on the search path.
pub fn program(search_path: OsString) -> Option<PathBuf> {
    let directories: Vec<PathBuf> = std::env::split_paths(&search_path).collect();
    let candidates = PROGRAMS.iter().flat_map(|name| {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        directories.iter().map(move |directory| directory.join(&name))
    });
    candidates.into_iter().find(|path| path.is_file())
}

/// Substitutes the names in a word of a template.
fn substituted(word: &str, program: &Path, input: &Path, output: &Path) -> OsString {
    match word {
        "%(gpg_command)s" => program.as_os_str().to_owned(),
        "%(input_file)s" => input.as_os_str().to_owned(),
        "%(output_file)s" => output.as_os_str().to_owned(),
        _ => {
            let mut text = word.replace("%(passphrase_fd)s", "0");
            for (name, path) in
                [("%(gpg_command)s", program), ("%(input_file)s", input), ("%(output_file)s", output)]
            {
                text = text.replace(name, &path.to_string_lossy());
            }
            text.into()
        }
    }
}

/// A path that no program parses as an option.
fn plain_path(path: &Path) -> PathBuf {
    if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
        Path::new(".").join(path)
    } else {
        path.to_owned()
    }
}

fn private_file(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// The last lines of the program's error output, without its name.
fn error_message(stderr: &[u8], status: &str) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines =
        text.lines().map(|line| line.trim().trim_start_matches("gpg: ")).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.collect();
    let last = lines[lines.len().saturating_sub(ERROR_LINES)..].join("; ");
    format!("GPG: {}", if last.is_empty() { status } else { &last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::reason;

    /// A substitute program that works from file to file and reads the passphrase, so that no test depends on GPG.
    fn gpg(folder: &Path) -> Gpg {
        use std::os::unix::fs::PermissionsExt;
        let script = folder.join("a program");
        let text = "#!/bin/sh\nread -r pass || :\n[ \"$pass\" = 'a secret' ] || { echo 'gpg: bad passphrase' >&2; exit 2; }\ntr a-z n-za-m <\"$2\" >\"$1\"\n";
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let template = ["%(gpg_command)s", "%(output_file)s", "%(input_file)s"].map(str::to_owned).to_vec();
        Gpg::new(GpgOptions {
            command: Some(script),
            encrypt: template.clone(),
            decrypt: template,
            passphrase: Zeroizing::new("a secret".into()),
        })
    }

    #[tokio::test]
    async fn encrypted_files_are_private_and_removed_afterwards() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("f");
        std::fs::write(&plain, "hello").unwrap();
        let gpg = gpg(folder.path());
        let encrypted = gpg.encrypt(&plain).await.unwrap();
        assert_eq!((std::fs::read(encrypted.path()).unwrap(), encrypted.size), (b"uryyb".to_vec(), 5));
        assert_eq!(hex::encode(encrypted.md5), "5d41402abc4b2a76b9719d911017c592");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = encrypted.path();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        drop(encrypted);
        assert!(!path.exists() && !path.parent().unwrap().exists());
    }

    #[tokio::test]
    async fn a_stream_is_encrypted_and_decrypted() {
        let folder = tempfile::tempdir().unwrap();
        let gpg = gpg(folder.path());
        let encrypted = gpg.encrypt_stream(&b"some words"[..]).await.unwrap();
        let directory = PrivateDir::next_to(&Target::File(folder.path().join("target"))).unwrap();
        std::fs::copy(encrypted.path(), directory.encrypted()).unwrap();
        gpg.decrypt(&directory).await.unwrap();
        assert_eq!(std::fs::read(directory.plain()).unwrap(), b"some words");
    }

    #[tokio::test]
    async fn the_first_process_runs_alone_because_gpg_creates_its_directory() {
        let folder = tempfile::tempdir().unwrap();
        let gpg = gpg(folder.path());
        let home = folder.path().join("home");
        let script = folder.path().join("a program");
        let makes_home = format!(
            "#!/bin/sh\n[ -d '{0}' ] || {{ sleep .2; mkdir '{0}' || exit 2; }}\ncat \"$2\" >\"$1\"\n",
            home.display()
        );
        std::fs::write(script, makes_home).unwrap();
        let plain = folder.path().join("f");
        std::fs::write(&plain, "hello").unwrap();
        let encrypted = futures::future::join_all((0..4).map(|_| gpg.encrypt(&plain))).await;
        assert!(encrypted.iter().all(Result::is_ok), "{encrypted:?}");
    }

    #[tokio::test]
    async fn a_failure_of_the_program_is_reported_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let mut gpg = gpg(folder.path());
        gpg.options.passphrase = Zeroizing::new("wrong".into());
        assert!(!format!("{gpg:?}").contains("wrong"));
        let plain = folder.path().join("f");
        std::fs::write(&plain, "hello").unwrap();
        assert_eq!(reason(&gpg.encrypt(&plain).await.unwrap_err()), "GPG: bad passphrase");
        gpg.options.command = Some(folder.path().join("missing"));
        assert_eq!(reason(&gpg.encrypt(&plain).await.unwrap_err()), NOT_FOUND);
    }
}
