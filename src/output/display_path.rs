//! Local paths as they are printed.

use serde::{Serialize, Serializer};
use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

/// A local path. It is printed as typed, with bytes that are not UTF-8 replaced. In JSON, a path that is not UTF-8, or
/// that begins with `file://`, is written as `file://` and its bytes, with those that are not UTF-8 and the percent
/// sign as `%XX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisplayPath<'a>(&'a OsStr);

impl<'a> DisplayPath<'a> {
    /// Displays the path unchanged.
    pub fn new(path: &'a (impl AsRef<OsStr> + ?Sized)) -> Self {
        Self(path.as_ref())
    }

    /// Displays the path without a trailing slash.
    pub fn trimmed(path: &'a Path) -> Self {
        Self(without_last_slash(path))
    }
}

fn without_last_slash(path: &Path) -> &OsStr {
    use std::os::unix::ffi::OsStrExt;
    let bytes = path.as_os_str().as_bytes();
    OsStr::from_bytes(bytes.strip_suffix(b"/").unwrap_or(bytes))
}

impl fmt::Display for DisplayPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_string_lossy())
    }
}

impl Serialize for DisplayPath<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        const SCHEME: &str = "file://";
        if let Some(text) = self.0.to_str().filter(|text| !text.starts_with(SCHEME)) {
            return to.serialize_str(text);
        }
        let mut escaped = String::from(SCHEME);
        for chunk in self.0.as_encoded_bytes().utf8_chunks() {
            escaped.push_str(&chunk.valid().replace('%', "%25"));
            for byte in chunk.invalid() {
                escaped.push_str(&format!("%{byte:02X}"));
            }
        }
        to.serialize_str(&escaped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_are_not_text_are_distinguishable_in_json() {
        use std::os::unix::ffi::OsStrExt;
        let json = |path: &[u8]| {
            serde_json::to_string(&DisplayPath::new(std::ffi::OsStr::from_bytes(path))).expect("a string")
        };
        assert_eq!(json("ä%/b".as_bytes()), "\"ä%/b\"");
        assert_eq!(json(b"a\xff%\xc3/b"), "\"file://a%FF%25%C3/b\"");
        assert_eq!(json(b"file://x%"), "\"file://file://x%25\"");
    }
}
