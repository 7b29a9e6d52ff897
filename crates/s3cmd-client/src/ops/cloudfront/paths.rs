//! Paths in invalidations: keys in the encoding that the service requires.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The unsafe characters of RFC 1738, and `?`, which would begin a query. The service requires these and non-ASCII
/// characters to be encoded, and nothing else. It rejects a bare tilde, which other encodings do not escape. `*` is
/// kept, as a wildcard.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/invalidation-specifying-objects.html>
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'<')
    .add(b'>')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'{')
    .add(b'}')
    .add(b'|')
    .add(b'\\')
    .add(b'^')
    .add(b'~')
    .add(b'[')
    .add(b']')
    .add(b'`')
    .add(b'?');

/// The viewer path of a key, encoded for an invalidation.
pub fn encoded(key: &str) -> String {
    format!("/{}", utf8_percent_encode(key, UNSAFE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unsafe_characters_are_encoded() {
        assert_eq!(encoded("a/b c~ö.txt"), "/a/b%20c%7E%C3%B6.txt");
        assert_eq!(encoded("100%.txt?#x"), "/100%25.txt%3F%23x");
        assert_eq!(encoded("a-b_c.d+e!$&'(),:;=@"), "/a-b_c.d+e!$&'(),:;=@");
        assert_eq!(encoded("img/*"), "/img/*");
        assert_eq!(encoded(""), "/");
    }
}
