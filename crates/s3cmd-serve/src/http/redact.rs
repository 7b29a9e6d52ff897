//! Redaction of secrets in logs: values that would let a reader use a presigned URL, or decrypt objects that are
//! encrypted with a customer's key.

use std::ops::Range;

/// The ends of the names of query parameters whose values are secrets. They match after any prefix that does not end
/// with a letter or digit: `X-Amz-Signature`, `X-Goog-Signature`, `access_token`.
const SECRETS: [&str; 6] = ["signature", "token", "sig", "customer-key", "customer-key-md5", "password"];

/// How often a text is percent-decoded: a URL may be nested in the query of another one, and so on.
const LEVELS: usize = 4;

const REPLACEMENT: &str = "REDACTED";

/// A byte of percent-decoded text, with its position in the original.
#[derive(Clone, Copy)]
struct Decoded {
    byte: u8,
    start: usize,
    end: usize,
}

/// Replaces the values of secret query parameters, at any level of percent-encoding.
pub(crate) fn redact(text: &str) -> String {
    let mut level: Vec<Decoded> =
        text.bytes().enumerate().map(|(start, byte)| Decoded { byte, start, end: start + 1 }).collect();
    let mut hidden: Vec<Range<usize>> = Vec::new();
    for _ in 0..LEVELS {
        find(&level, &mut hidden);
        let decoded = decode(&level);
        if decoded.len() == level.len() {
            break;
        }
        level = decoded;
    }
    if hidden.is_empty() {
        return text.to_owned();
    }
    hidden.sort_unstable_by_key(|range| (range.start, range.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for range in hidden {
        if range.start >= at {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str(REPLACEMENT);
        }
        at = at.max(range.end);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Adds the positions of secret values in the original text to `hidden`.
fn find(level: &[Decoded], hidden: &mut Vec<Range<usize>>) {
    let ends_value = |byte: u8| matches!(byte, b'&' | b'#' | b'"' | b'<' | b'>' | b' ' | b'\t');
    let mut at = 0;
    while let Some(equals) =
        level[at..].iter().position(|decoded| decoded.byte == b'=').map(|offset| at + offset)
    {
        at = equals + 1;
        if !SECRETS.iter().any(|name| ends_with_name(&level[..equals], name)) {
            continue;
        }
        let length =
            level[at..].iter().position(|decoded| ends_value(decoded.byte)).unwrap_or(level.len() - at);
        if let (Some(first), Some(last)) =
            (level.get(at), (at + length).checked_sub(1).and_then(|last| level.get(last)))
            && length > 0
        {
            hidden.push(first.start..last.end);
        }
        at += length;
    }
}

/// Whether the text before an equals sign ends with this name, not preceded by a letter or digit.
fn ends_with_name(before: &[Decoded], name: &str) -> bool {
    let Some(from) = before.len().checked_sub(name.len()) else { return false };
    let (rest, last) = before.split_at(from);
    let same = last.iter().zip(name.bytes()).all(|(decoded, byte)| decoded.byte.eq_ignore_ascii_case(&byte));
    same && rest.last().is_none_or(|decoded| !decoded.byte.is_ascii_alphanumeric())
}

fn decode(level: &[Decoded]) -> Vec<Decoded> {
    let digit = |at: usize| level.get(at).and_then(|decoded| char::from(decoded.byte).to_digit(16));
    let mut out = Vec::with_capacity(level.len());
    let mut at = 0;
    while let Some(here) = level.get(at) {
        let pair = if here.byte == b'%' { digit(at + 1).zip(digit(at + 2)) } else { None };
        match pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                out.push(Decoded { byte, start: here.start, end: level[at + 2].end });
                at += 3;
            }
            None => {
                out.push(*here);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_secrets_are_replaced() {
        for (text, expected) in [
            ("/b/k?X-Amz-Date=1&X-Amz-Signature=abc&x=2", "/b/k?X-Amz-Date=1&X-Amz-Signature=REDACTED&x=2"),
            (
                "/b/k?AWSAccessKeyId=A&Signature=ab%2Bc%3D&Expires=1",
                "/b/k?AWSAccessKeyId=A&Signature=REDACTED&Expires=1",
            ),
            ("/b/k?X%2DAmz%2DSignature=abc", "/b/k?X%2DAmz%2DSignature=REDACTED"),
            ("/b/k?x-amz-security-token=t+t/t#top", "/b/k?x-amz-security-token=REDACTED#top"),
            (
                "/b/k?X-Amz-Server-Side-Encryption-Customer-Key=k&x-amz-server-side-encryption-customer-key-MD5=m",
                "/b/k?X-Amz-Server-Side-Encryption-Customer-Key=REDACTED&x-amz-server-side-encryption-customer-key-MD5=REDACTED",
            ),
            // A URL in the query of another one, or in place of a key.
            (
                "http://h/?u=https%3A%2F%2Fs%2Fb%2Fk%3FX-Amz-Signature%3Dabc%26y%3D1&z=2",
                "http://h/?u=https%3A%2F%2Fs%2Fb%2Fk%3FX-Amz-Signature%3DREDACTED%26y%3D1&z=2",
            ),
            ("/b/k%253FSignature%253Dabc%2526y", "/b/k%253FSignature%253DREDACTED%2526y"),
            ("agent (http://h/k?Signature=abc) 1.0", "agent (http://h/k?Signature=REDACTED 1.0"),
            (
                "/b/k?X-Amz-SignedHeaders=host&designature=1&Signature=",
                "/b/k?X-Amz-SignedHeaders=host&designature=1&Signature=",
            ),
            ("/b/100%/a=b?v=%zz", "/b/100%/a=b?v=%zz"),
            ("", ""),
        ] {
            assert_eq!(redact(text), expected);
        }
    }

    proptest! {
        /// A signature is replaced whatever surrounds it.
        #[test]
        fn a_signature_is_always_replaced(before in "\\PC*", after in "\\PC*") {
            let text = format!("{before}&Signature=s3cr3t&{after}");
            prop_assert!(!redact(&text).contains("s3cr3t"));
        }

        #[test]
        fn no_text_panics(text in "[%=&a-f0-9Ssigtoken\u{e9}]{0,60}") {
            redact(&text);
        }
    }
}
