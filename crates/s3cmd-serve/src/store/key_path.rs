//! The path of a key's file: the key itself, or an escaped form if the key cannot be a file path.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Name of the hidden directory in each bucket's folder (and in the root): metadata, escaped objects, parts.
pub(crate) const PRIVATE: &str = ".s3cmd-serve";

/// Longest file name of common file systems, in bytes.
const NAME_MAX: usize = 255;
/// Deeper keys are stored escaped, as a walk holds one directory open per level.
const MAX_DEPTH: usize = 100;
/// Bytes of a key in one component of an escaped path (two hex digits each).
const CHUNK: usize = 100;

/// How object keys are mapped to file paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `BUCKET/KEY`.
    Plain,
    /// `BUCKET/.s3cmd-serve/escaped/data/HEX`.
    Escaped,
}

/// Whether a key can be the relative path of an ordinary file.
pub(crate) fn is_path(key: &str) -> bool {
    !key.contains('\0')
        && key
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != ".." && part.len() <= NAME_MAX)
        && key.split('/').next() != Some(PRIVATE)
}

/// Whether a new key is written under its own path, judging by the key alone: paths with control bytes and very deep
/// ones are served if they exist, but not created. Conflicts with other keys (`a` and `a/b`) are detected on write.
pub(crate) fn is_plain(key: &str) -> bool {
    is_path(key)
        && key.bytes().all(|byte| byte >= 0x20 && byte != 0x7f)
        && key.split('/').count() <= MAX_DEPTH
}

/// The escaped path of a key: its bytes in hex, split into components of 100 bytes. Each component but the last is a
/// directory and ends in `+`. The byte order of escaped paths equals the byte order of the keys; listings rely on it.
pub(crate) fn escape(key: &[u8]) -> String {
    let mut out = String::with_capacity(key.len() * 2 + key.len() / 25);
    let mut chunks = key.chunks(CHUNK).peekable();
    while let Some(chunk) = chunks.next() {
        for byte in chunk {
            let _ = write!(out, "{byte:02x}");
        }
        if chunks.peek().is_some() {
            out.push_str("+/");
        }
    }
    out
}

/// Reverses [`escape`]; `None` for a path that [`escape`] cannot return.
pub(crate) fn unescape(path: &[u8]) -> Option<Vec<u8>> {
    let hex: Vec<u8> = path.iter().copied().filter(|byte| *byte != b'+' && *byte != b'/').collect();
    let key = hex::decode(hex).ok()?;
    (escape(&key).as_bytes() == path).then_some(key)
}

/// Splits a relative path into the components of its directory and its file name.
pub(crate) fn split(path: &str) -> (impl Iterator<Item = &str> + Clone, &str) {
    let (parents, name) = path.rsplit_once('/').map_or((None, path), |(parents, name)| (Some(parents), name));
    (parents.into_iter().flat_map(|parents| parents.split('/')), name)
}

/// The relative path of a key in a layout.
pub(crate) fn path(layout: Layout, key: &str) -> Cow<'_, str> {
    match layout {
        Layout::Plain => key.into(),
        Layout::Escaped => escape(key.as_bytes()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unsafe_keys_are_not_plain() {
        for key in ["a", "a/b", "ä/ü", "a b", "...", "a/..b", "%2e%2e", "a\\b"] {
            assert!(is_plain(key), "{key}");
        }
        let long = "x".repeat(256);
        for key in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./x", "a/.", "a\0b", "a\nb", &long] {
            assert!(!is_plain(key), "{key:?}");
        }
        assert!(!is_plain(&format!("{PRIVATE}/bucket.json")) && !is_plain(PRIVATE));
        assert!(is_plain(&format!("a/{PRIVATE}")));
    }

    proptest! {
        #[test]
        fn escaping_is_reversible_and_short(key in proptest::collection::vec(any::<u8>(), 1..600)) {
            let path = escape(&key);
            prop_assert_eq!(unescape(path.as_bytes()), Some(key));
            prop_assert!(path.split('/').all(|part| part.len() <= 201));
        }

        /// Paths are compared as the walk compares them: component by component, directories with a trailing slash.
        #[test]
        fn escaping_preserves_the_order_of_keys(
            stem in proptest::collection::vec(0u8..3, 195..205),
            a in proptest::collection::vec(any::<u8>(), 0..6),
            b in proptest::collection::vec(any::<u8>(), 0..6),
        ) {
            let a = [stem.clone(), a].concat();
            let b = [stem, b].concat();
            prop_assert_eq!(escape(&a).cmp(&escape(&b)), a.cmp(&b));
        }
    }
}
