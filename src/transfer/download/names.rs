//! The names of temporary files, by which directory walks recognise them.
//!
//! A name contains a digest of the target's name. A name that ends there, or continues with a number, can be taken over
//! by a later run. A name with random letters is unique to one run.

use super::resume_state;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The maximum number of concurrent runs on one target whose files a later run can find.
const LASTING: u32 = 4;

/// The number of random letters in a name that is unique to one run.
const LETTERS: usize = 6;

/// The names of a target's temporary files that a later run can find, in the order in which they are tried.
pub(super) fn lasting(target: &Path) -> impl Iterator<Item = PathBuf> {
    let (parent, digest) = (parent(target).to_owned(), digest(target));
    (0..LASTING).map(move |number| match number {
        0 => parent.join(format!(".s3cmd.{digest}.part")),
        _ => parent.join(format!(".s3cmd.{digest}x{number}.part")),
    })
}

/// Creates unique temporary names.
pub(crate) fn private<'a>(target: &Path, prefix: &'a mut String) -> tempfile::Builder<'a, 'static> {
    *prefix = format!(".s3cmd.{}u", digest(target));
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix.as_str()).suffix(".part").rand_bytes(LETTERS);
    builder
}

/// The directory of a target.
pub(crate) fn parent(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn digest(target: &Path) -> String {
    let name = target.file_name().unwrap_or(target.as_os_str());
    hex::encode(&Sha256::digest(name.as_encoded_bytes())[..8])
}

/// The kinds of names that this program creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The content of a download.
    Part,
    /// The content of a download under a unique name, which no later run looks for.
    PrivatePart,
    /// The resume state of a download.
    ResumeState,
}

/// Parses a name. Returns `None` for a name that this program never creates.
pub(super) fn kind(name: &OsStr) -> Option<Kind> {
    let (middle, ending) = name.to_str()?.strip_prefix(".s3cmd.")?.split_once('.')?;
    let (digest, rest) = middle.split_at_checked(16)?;
    let is_digest = digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_lasting = rest.is_empty() || (1..LASTING).any(|number| rest == format!("x{number}"));
    let is_private = rest.strip_prefix('u').is_some_and(|letters| {
        letters.len() == LETTERS && letters.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    match ending {
        "part" if is_digest && is_lasting => Some(Kind::Part),
        "part" if is_digest && is_private => Some(Kind::PrivatePart),
        "state" if is_digest && is_lasting => Some(Kind::ResumeState),
        _ => None,
    }
}

/// Whether a file in a directory is a temporary file of a download: uploads skip it, and a sync does not delete it. A
/// file that only has the name of a resume state belongs to the user.
pub(crate) fn is_unfinished(directory: &Path, name: &OsStr) -> bool {
    match kind(name) {
        None => false,
        Some(Kind::Part | Kind::PrivatePart) => true,
        Some(Kind::ResumeState) => {
            let path = directory.join(name);
            resume_state::is_one(&path) || (is_empty(&path) && path.with_extension("part").exists())
        }
    }
}

/// Whether the path is an empty regular file, as a resume state is just after its creation.
pub(super) fn is_empty(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_this_program_creates_are_special() {
        let target = Path::new("some/target");
        for path in lasting(target) {
            assert_eq!(kind(path.file_name().unwrap()), Some(Kind::Part), "{path:?}");
            let resume_state = path.with_extension("state");
            assert_eq!(kind(resume_state.file_name().unwrap()), Some(Kind::ResumeState), "{path:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        let mut prefix = String::new();
        let made = private(target, &mut prefix).tempfile_in(folder.path()).unwrap();
        assert_eq!(kind(made.path().file_name().unwrap()), Some(Kind::PrivatePart), "{:?}", made.path());
        for name in [
            ".s3cmd",
            ".s3cmd.part",
            ".s3cmd.backup.part",
            ".s3cmd.notes.state",
            ".s3cmd.0123456789abcdeg.part",
            ".s3cmd.0123456789ABCDEF.part",
            ".s3cmd.0123456789abcdefx4.part",
            ".s3cmd.0123456789abcdefuabc.part",
            ".s3cmd.0123456789abcdefuabcdef.state",
            ".s3cmd.0123456789abcdef.txt",
            ".s3cmd.0123456789abcdef.part.part",
            ".s3cmd.0123456789äbcde.part",
            "s3cmd.0123456789abcdef.part",
        ] {
            assert_eq!(kind(OsStr::new(name)), None, "{name}");
            assert!(!is_unfinished(folder.path(), OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_file_is_not_a_resume_state_by_its_name_alone() {
        let folder = tempfile::tempdir().unwrap();
        let part = lasting(&folder.path().join("target")).next().unwrap();
        let resume_state = part.with_extension("state");
        let name = resume_state.file_name().unwrap();
        for (text, is_one) in [
            ("my own notes\n", false),
            ("{\"version\":2}\n", false),
            ("", false),
            (
                "{\"version\":2,\"endpoint\":\"h\",\"bucket\":\"b\",\"key\":\"k\",\"etag\":\"e\",\"size\":1,\"chunk\":1}\n",
                true,
            ),
        ] {
            std::fs::write(&resume_state, text).unwrap();
            assert_eq!(is_unfinished(folder.path(), name), is_one, "{text:?}");
        }
        std::fs::write(&resume_state, "").unwrap();
        std::fs::write(part, "").unwrap();
        assert!(is_unfinished(folder.path(), name), "an empty resume state next to its file");
    }
}
