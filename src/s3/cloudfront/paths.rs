//! Paths of invalidations: keys, encoded as the service wants them.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What RFC 1738 calls unsafe, and `?`, behind which a query would begin. The service wants these and what is not ASCII
/// encoded, and nothing else; it refuses a bare tilde, which other encodings leave alone. `*` stays, as a wildcard.
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

/// The path under which viewers find a key, ready for an invalidation.
pub fn encoded(key: &str) -> String {
    format!("/{}", utf8_percent_encode(key, UNSAFE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unsafe_is_encoded() {
        assert_eq!(encoded("a/b c~ö.txt"), "/a/b%20c%7E%C3%B6.txt");
        assert_eq!(encoded("100%.txt?#x"), "/100%25.txt%3F%23x");
        assert_eq!(encoded("a-b_c.d+e!$&'(),:;=@"), "/a-b_c.d+e!$&'(),:;=@");
        assert_eq!(encoded("img/*"), "/img/*");
        assert_eq!(encoded(""), "/");
    }
}
