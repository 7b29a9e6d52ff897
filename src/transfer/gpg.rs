//! GPG, the program: it encrypts what `-e` sends, and decrypts what comes with the header that says so.
//!
//! The command lines are the templates `gpg_encrypt` and `gpg_decrypt`, split at blanks and then filled in; the passphrase
//! goes to the program's standard input, never on a command line (measured on s3cmd 2.4.0). Both work from file to file,
//! in a directory that nobody else may enter and that is gone afterwards, whatever happened.

use super::compare::md5_of_file;
use super::download::{Target, names};
use crate::config::Settings;
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

/// What s3cmd says where the program is missing.
const NOT_FOUND: &str = "GPG program not found";

/// The names under which the program is looked for where `gpg_command` names none.
const PROGRAMS: [&str; 2] = ["gpg", "gpg2"];

/// Lines of the program's complaint that are quoted: the last one alone often says only that it failed.
const COMPLAINTS: usize = 3;

/// How GPG is called. Clones share the limit on processes.
#[derive(Clone)]
pub struct Gpg {
    command: Option<PathBuf>,
    encrypt: String,
    decrypt: String,
    passphrase: Zeroizing<String>,
    /// One process a core: the work is all computing.
    slots: Arc<Semaphore>,
    /// Whether one has ended well; until then they run one at a time.
    has_run: Arc<Mutex<bool>>,
}

/// The passphrase is a secret.
impl std::fmt::Debug for Gpg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpg").field("command", &self.command).finish_non_exhaustive()
    }
}

/// A private directory for what is encrypted and for what is not; removed with all in it when dropped.
#[derive(Debug)]
pub struct PrivateDir {
    directory: TempDir,
}

impl PrivateDir {
    /// A room in the directory for temporary files: `$TMP`, else the system's (measured on s3cmd 2.4.0).
    pub fn temporary() -> io::Result<Self> {
        let directory = std::env::var_os("TMP").map(PathBuf::from).filter(|path| path.is_dir());
        let mut builder = tempfile::Builder::new();
        builder.prefix("s3cmd-");
        Self::within(&directory.unwrap_or_else(std::env::temp_dir), builder)
    }

    /// A room from which a file can be moved to the target: beside it, where it is a file.
    pub(super) fn beside(target: &Target) -> io::Result<Self> {
        let Target::File(path) = target else { return Self::temporary() };
        let mut prefix = String::new();
        Self::within(names::parent(path), names::private(path, &mut prefix))
    }

    fn within(parent: &Path, mut builder: tempfile::Builder<'_, '_>) -> io::Result<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o700));
        }
        let named = |error: io::Error| {
            // The error names a path that nobody has heard of.
            let plain = error
                .get_ref()
                .and_then(|inner| inner.source())
                .map_or_else(|| reason(&error), ToString::to_string);
            io::Error::new(error.kind(), format!("{}: {plain}", parent.display()))
        };
        Ok(Self { directory: builder.tempdir_in(parent).map_err(named)? })
    }

    /// Where the encrypted content is. The name has no extension, so that none is taken for a type.
    pub fn sealed(&self) -> PathBuf {
        self.directory.path().join("sealed")
    }

    /// Where the plain content is.
    pub fn plain(&self) -> PathBuf {
        self.directory.path().join("plain")
    }

    /// Fills the plain file with everything that `source` gives.
    async fn fill(&self, mut source: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(self.plain()).await?;
        tokio::io::copy(&mut source, &mut file).await?;
        file.flush().await
    }
}

/// What GPG made of a file.
#[derive(Debug)]
pub struct GpgEncrypted {
    room: PrivateDir,
    /// Bytes of the encrypted content.
    pub size: u64,
    /// The MD5 of the plain content, which is what s3cmd stores with the object.
    pub md5: [u8; 16],
}

impl GpgEncrypted {
    /// Where the encrypted content is, for as long as this lives.
    pub fn path(&self) -> PathBuf {
        self.room.sealed()
    }
}

impl Gpg {
    /// Reads how GPG is to be called. Where `gpg_command` names no program, `gpg` on the search path is used.
    pub fn new(settings: &Settings) -> Self {
        let named = Some(PathBuf::from(&settings.gpg_command)).filter(|path| !path.as_os_str().is_empty());
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            command: named.or_else(|| program(std::env::var_os("PATH").unwrap_or_default())),
            encrypt: settings.gpg_encrypt.clone(),
            decrypt: settings.gpg_decrypt.clone(),
            passphrase: Zeroizing::new(settings.gpg_passphrase.clone()),
            slots: Arc::new(Semaphore::new(cores)),
            has_run: Arc::default(),
        }
    }

    /// Whether the program is there.
    pub fn check(&self) -> io::Result<()> {
        let found = |path: &PathBuf| path.components().count() < 2 || path.exists();
        if self.command.as_ref().is_some_and(found) { Ok(()) } else { Err(io::Error::other(NOT_FOUND)) }
    }

    /// Encrypts a file.
    pub async fn seal(&self, path: &Path) -> io::Result<GpgEncrypted> {
        let room = PrivateDir::temporary()?;
        log::info!("Encrypting file {} to {}...", path.display(), room.sealed().display());
        self.seal_into(room, path.to_owned()).await
    }

    /// Encrypts everything that `source` gives.
    pub async fn seal_stream(&self, source: impl AsyncRead + Unpin) -> io::Result<GpgEncrypted> {
        let room = PrivateDir::temporary()?;
        room.fill(source).await?;
        let plain = room.plain();
        let sealed = self.seal_into(room, plain.clone()).await?;
        std::fs::remove_file(plain)?;
        Ok(sealed)
    }

    async fn seal_into(&self, room: PrivateDir, path: PathBuf) -> io::Result<GpgEncrypted> {
        let before = std::fs::metadata(&path)?;
        self.run(&self.encrypt, &path, &room.sealed()).await?;
        let size = std::fs::metadata(room.sealed())?.len();
        let hashed = tokio::task::spawn_blocking(move || {
            let md5 = md5_of_file(&path, before.len())?;
            // GPG has read it once, and the sum is of another reading.
            let after = std::fs::metadata(&path)?;
            if (after.len(), after.modified()?) == (before.len(), before.modified()?) {
                Ok(md5)
            } else {
                Err(io::Error::other("the file changed while it was encrypted"))
            }
        });
        Ok(GpgEncrypted { room, size, md5: hashed.await.map_err(io::Error::other)?? })
    }

    /// Decrypts the room's encrypted content into its plain file.
    pub async fn open(&self, room: &PrivateDir) -> io::Result<()> {
        self.run(&self.decrypt, &room.sealed(), &room.plain()).await
    }

    async fn run(&self, template: &str, input: &Path, output: &Path) -> io::Result<()> {
        self.check()?;
        let not_found = || io::Error::other(NOT_FOUND);
        let program = self.command.as_ref().ok_or_else(not_found)?;
        // Made first, so that it is private from its first byte on.
        private_file(output)?;
        let input = plain_path(input);
        let words: Vec<OsString> =
            template.split_whitespace().map(|word| filled(word, program, &input, output)).collect();
        let (first, rest) = words.split_first().ok_or_else(not_found)?;
        // It is never closed.
        let _slot = self.slots.acquire().await;
        // The first one makes GPG's own directory, which those beside it would fail to make.
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
            // A program that does not want the passphrase is not at fault.
            let _ = stdin.write_all(self.passphrase.as_bytes()).await;
        }
        let ended = child.wait_with_output().await?;
        if let Some(mut has_run) = alone {
            *has_run = ended.status.success();
        }
        if !ended.status.success() {
            let words = complaint(&ended.stderr, &ended.status.to_string());
            let is_shown = self.passphrase.is_empty() || !words.contains(self.passphrase.as_str());
            return Err(io::Error::other(if is_shown { words } else { format!("GPG: {}", ended.status) }));
        }
        // GPG does not read what `close` reports, and this process cannot: only the disk itself tells.
        let written = output.to_owned();
        let on_disk = move || std::fs::OpenOptions::new().write(true).open(written)?.sync_all();
        tokio::task::spawn_blocking(on_disk).await.map_err(io::Error::other)??;
        // No message of OpenPGP has no bytes; a decrypted one may.
        if template == self.encrypt && std::fs::metadata(output)?.len() == 0 {
            return Err(io::Error::other("GPG wrote nothing"));
        }
        Ok(())
    }
}

/// The first of GPG's names that is on the search path.
pub fn program(search_path: OsString) -> Option<PathBuf> {
    let directories: Vec<PathBuf> = std::env::split_paths(&search_path).collect();
    let candidates = PROGRAMS.iter().flat_map(|name| {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        directories.iter().map(move |directory| directory.join(&name))
    });
    candidates.into_iter().find(|path| path.is_file())
}

/// A word of a template with the names in it replaced.
fn filled(word: &str, program: &Path, input: &Path, output: &Path) -> OsString {
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

/// A path that no program takes for an option.
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
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}

/// The last things that the program said, without its name.
fn complaint(stderr: &[u8], status: &str) -> String {
    let text = String::from_utf8_lossy(stderr);
    let said =
        text.lines().map(|line| line.trim().trim_start_matches("gpg: ")).filter(|line| !line.is_empty());
    let said: Vec<&str> = said.collect();
    let last = said[said.len().saturating_sub(COMPLAINTS)..].join("; ");
    format!("GPG: {}", if last.is_empty() { status } else { &last })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::output::reason;

    /// A stand-in that works from file to file and wants the passphrase, so that no test depends on GPG.
    fn gpg(folder: &Path) -> Gpg {
        use std::os::unix::fs::PermissionsExt;
        let script = folder.join("a program");
        let text = "#!/bin/sh\nread -r pass || :\n[ \"$pass\" = 'a secret' ] || { echo 'gpg: bad passphrase' >&2; exit 2; }\ntr a-z n-za-m <\"$2\" >\"$1\"\n";
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let template = "%(gpg_command)s %(output_file)s %(input_file)s".to_owned();
        Gpg::new(&Settings {
            gpg_command: script.to_string_lossy().into_owned(),
            gpg_encrypt: template.clone(),
            gpg_decrypt: template,
            gpg_passphrase: "a secret".into(),
            ..Settings::default()
        })
    }

    #[tokio::test]
    async fn what_is_encrypted_is_private_and_gone_afterwards() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("f");
        std::fs::write(&plain, "hello").unwrap();
        let gpg = gpg(folder.path());
        let sealed = gpg.seal(&plain).await.unwrap();
        assert_eq!((std::fs::read(sealed.path()).unwrap(), sealed.size), (b"uryyb".to_vec(), 5));
        assert_eq!(hex::encode(sealed.md5), "5d41402abc4b2a76b9719d911017c592");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = sealed.path();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        drop(sealed);
        assert!(!path.exists() && !path.parent().unwrap().exists());
    }

    #[tokio::test]
    async fn a_stream_is_encrypted_and_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let gpg = gpg(folder.path());
        let sealed = gpg.seal_stream(&b"some words"[..]).await.unwrap();
        let room = PrivateDir::beside(&Target::File(folder.path().join("target"))).unwrap();
        std::fs::copy(sealed.path(), room.sealed()).unwrap();
        gpg.open(&room).await.unwrap();
        assert_eq!(std::fs::read(room.plain()).unwrap(), b"some words");
    }

    #[tokio::test]
    async fn the_first_run_is_alone_because_gpg_makes_its_directory_then() {
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
        let sealed = futures::future::join_all((0..4).map(|_| gpg.seal(&plain))).await;
        assert!(sealed.iter().all(Result::is_ok), "{sealed:?}");
    }

    #[tokio::test]
    async fn the_program_s_failure_is_a_failure_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let mut gpg = gpg(folder.path());
        gpg.passphrase = Zeroizing::new("wrong".into());
        assert!(!format!("{gpg:?}").contains("wrong"));
        let plain = folder.path().join("f");
        std::fs::write(&plain, "hello").unwrap();
        assert_eq!(reason(&gpg.seal(&plain).await.unwrap_err()), "GPG: bad passphrase");
        gpg.command = Some(folder.path().join("missing"));
        assert_eq!(reason(&gpg.seal(&plain).await.unwrap_err()), NOT_FOUND);
    }
}
