//! The `Content-Type` of an upload: forced, guessed by extension, told from the first bytes, or the default.
//!
//! s3cmd asks libmagic where Python has it, which calls style pages and scripts `text/plain`; here the extension comes
//! first and the content decides only where the extension says nothing.

use crate::config::Settings;
use std::path::Path;

/// Bytes of the beginning of a file that are looked at.
pub const SNIFFED: usize = 512;

/// The type of stdin: it has no name, so only a forced or the default type, always with a charset (measured on s3cmd
/// 2.4.0).
pub fn of_stdin(settings: &Settings) -> String {
    let kind = if settings.mime_type.is_empty() { &settings.default_mime_type } else { &settings.mime_type };
    format!("{kind}; charset=UTF-8")
}

/// The type of a file; `head` is its beginning.
pub fn of_file(path: &Path, head: &[u8], settings: &Settings) -> String {
    // A link that is followed has the type of its file (measured on s3cmd 2.4.0).
    let followed = if settings.follow_symlinks { std::fs::canonicalize(path).ok() } else { None };
    let path = followed.as_deref().unwrap_or(path);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    let kind = if !settings.mime_type.is_empty() {
        settings.mime_type.clone()
    } else if !settings.guess_mime_type {
        settings.default_mime_type.clone()
    } else {
        let by_extension = mime_guess::from_ext(extension).first_raw();
        let by_content = || if settings.use_mime_magic { sniff(head) } else { None };
        by_extension.or_else(by_content).unwrap_or(&settings.default_mime_type).to_owned()
    };
    let listed = settings.add_encoding_exts.split(',').map(str::trim);
    if !extension.is_empty() && listed.into_iter().any(|listed| listed.trim_start_matches('.') == extension) {
        format!("{kind}; charset={}", settings.encoding)
    } else {
        kind
    }
}

/// The formats that people store without an extension and that their first bytes give away.
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

/// Whether bytes read as text: UTF-8, possibly cut in its last character, without control characters that text has not.
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

    #[test]
    fn the_extension_comes_first_and_content_second() {
        let settings = Settings::default();
        let of = |name: &str, head: &[u8]| of_file(Path::new(name), head, &settings);
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
        let mut settings = Settings { add_encoding_exts: "txt,html".into(), ..Settings::default() };
        assert_eq!(of_file(Path::new("a.txt"), b"x", &settings), "text/plain; charset=UTF-8");
        settings.guess_mime_type = false;
        assert_eq!(of_file(Path::new("a.css"), b"x", &settings), "binary/octet-stream");
        settings.mime_type = "x/y".into();
        assert_eq!(of_file(Path::new("a.css"), b"x", &settings), "x/y");
        assert_eq!(of_stdin(&settings), "x/y; charset=UTF-8");
    }
}
