//! The `Content-Type` of an upload: forced, guessed from the extension, detected from the first bytes, or the default.
//!
//! s3cmd uses libmagic if it is installed for Python, which reports stylesheets and scripts as `text/plain`. This
//! module tries the extension first and the content only if the extension is unknown.

use std::path::Path;

/// The number of bytes at the beginning of a file that are inspected.
pub(crate) const SNIFFED: usize = 512;

/// How content types are determined.
#[derive(Clone, Debug)]
pub(crate) struct ContentTypeOptions {
    /// The type of all uploads.
    pub(crate) forced: Option<String>,
    /// What the type is guessed from.
    pub(crate) guess: Guess,
    /// The type if none can be guessed.
    pub(crate) default: String,
    /// Whether a symbolic link has the type of its target.
    pub(crate) follow_symlinks: bool,
    /// Extensions, without the leading dot, of files whose type gets the charset.
    pub(crate) charset_extensions: Vec<String>,
    /// The name of the charset.
    pub(crate) charset: String,
}

/// What the content type of a file is guessed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    /// Nothing: all files have the default type.
    Nothing,
    /// The extension.
    Extension,
    /// The extension or, if it is unknown, the beginning of the content.
    ExtensionOrContent,
}

/// The content type of stdin. It has no name, so this is the forced or the default type, always with a charset
/// (measured on s3cmd 2.4.0).
pub(crate) fn of_stdin(options: &ContentTypeOptions) -> String {
    format!("{}; charset=UTF-8", options.forced.as_ref().unwrap_or(&options.default))
}

/// The content type of a file. `head` is the beginning of its content.
pub(crate) fn of_file(path: &Path, head: &[u8], options: &ContentTypeOptions) -> String {
    // A followed link has the type of its target (measured on s3cmd 2.4.0).
    let followed = if options.follow_symlinks { std::fs::canonicalize(path).ok() } else { None };
    let path = followed.as_deref().unwrap_or(path);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    let by_extension = || mime_guess::from_ext(extension).first_raw();
    let guessed = match options.guess {
        _ if options.forced.is_some() => options.forced.as_deref(),
        Guess::Nothing => None,
        Guess::Extension => by_extension(),
        Guess::ExtensionOrContent => by_extension().or_else(|| sniff(head)),
    };
    let kind = guessed.unwrap_or(&options.default);
    if options.charset_extensions.iter().any(|listed| listed == extension) {
        format!("{kind}; charset={}", options.charset)
    } else {
        kind.to_owned()
    }
}

/// Detects formats that are often stored without an extension by their first bytes.
fn sniff(head: &[u8]) -> Option<&'static str> {
    const SIGNATURES: &[(&[u8], &str)] = &[
        (b"\x1f\x8b", "application/gzip"),
        (b"BZh", "application/x-bzip2"),
        (b"\xfd7zXZ\0", "application/x-xz"),
        (b"\x28\xb5\x2f\xfd", "application/zstd"),
        (b"PK\x03\x04", "application/zip"),
        (b"%PDF-", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"\x7fELF", "application/x-executable"),
        (b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
        (b"<?xml", "application/xml"),
        (b"<!DOCTYPE html", "text/html"),
        (b"<html", "text/html"),
    ];
    let known = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)).map(|(_, kind)| *kind);
    known.or_else(|| is_text(head).then_some("text/plain"))
}

/// Whether the bytes are text: UTF-8, possibly truncated within the last character, with no control characters other
/// than those common in text.
fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && head.len() - error.valid_up_to() < 4,
    };
    valid
        && !head.is_empty()
        && head.iter().all(|b| *b >= 32 || matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ContentTypeOptions {
        ContentTypeOptions {
            forced: None,
            guess: Guess::ExtensionOrContent,
            default: "binary/octet-stream".into(),
            follow_symlinks: false,
            charset_extensions: Vec::new(),
            charset: "UTF-8".into(),
        }
    }

    #[test]
    fn the_extension_comes_first_and_content_second() {
        let of = |name: &str, head: &[u8]| of_file(Path::new(name), head, &options());
        assert_eq!(of("a.css", b"body {}"), "text/css");
        assert_eq!(of("a.json", b"{}"), "application/json");
        assert_eq!(of("a.txt", b"\0"), "text/plain");
        assert_eq!(of("README", "päivä\n".as_bytes()), "text/plain");
        assert_eq!(of("README", &"ä".as_bytes()[..1]), "text/plain");
        assert_eq!(of("data", b"\0\x01"), "binary/octet-stream");
        assert_eq!(of("data", b"\x1f\x8b\x08"), "application/gzip");
        assert_eq!(of("empty", b""), "binary/octet-stream");
    }

    #[test]
    fn options_override_the_guess() {
        let mut options =
            ContentTypeOptions { charset_extensions: vec!["txt".into(), "html".into()], ..options() };
        assert_eq!(of_file(Path::new("a.txt"), b"x", &options), "text/plain; charset=UTF-8");
        options.guess = Guess::Nothing;
        assert_eq!(of_file(Path::new("a.css"), b"x", &options), "binary/octet-stream");
        options.forced = Some("x/y".into());
        assert_eq!(of_file(Path::new("a.css"), b"x", &options), "x/y");
        assert_eq!(of_stdin(&options), "x/y; charset=UTF-8");
    }
}
