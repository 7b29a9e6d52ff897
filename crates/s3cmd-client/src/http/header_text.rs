//! Lossless conversion of header values to text.
//!
//! A header value consists of bytes: mostly ASCII or UTF-8, sometimes Latin-1 or whatever else an old client sends.
//! Values are kept and compared as text. Each byte that is not valid UTF-8 is represented by a character of a
//! private-use range. Characters of that range in a valid UTF-8 value are treated as bytes, too, so each value has
//! exactly one text and each text exactly one value.
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::http::header_text::{from_bytes, to_bytes};
//!
//! let latin1 = b"caf\xe9";
//! assert_eq!(&*to_bytes(&from_bytes(latin1)), latin1);
//! ```

use std::borrow::Cow;

/// The character that represents the byte 0; only those for 0x80 to 0xff are used. They are at the end of Unicode's
/// last private-use plane.
const BASE: u32 = 0x0010_fe00;

fn byte_of(c: char) -> Option<u8> {
    let byte = u32::from(c).checked_sub(BASE)?;
    u8::try_from(byte).ok().filter(|byte| *byte >= 0x80)
}

fn push_byte(text: &mut String, byte: u8) {
    // Every number of this range is a valid character.
    text.extend(char::from_u32(BASE + u32::from(byte)));
}

/// Converts a value to text.
pub fn from_bytes(bytes: &[u8]) -> String {
    if bytes.is_ascii() {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if byte_of(c).is_some() {
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| push_byte(&mut text, byte));
            } else {
                text.push(c);
            }
        }
        chunk.invalid().iter().for_each(|byte| push_byte(&mut text, *byte));
    }
    text
}

/// Converts text to a value.
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    // The UTF-8 form of every character that represents a byte begins with this byte.
    if !text.as_bytes().contains(&0xf4) || !text.chars().any(|c| byte_of(c).is_some()) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte_of(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn utf_8_is_unchanged_and_other_bytes_are_kept() {
        assert_eq!(from_bytes("na\u{ef}ve \u{1f600}".as_bytes()), "na\u{ef}ve \u{1f600}");
        let latin = b"na\xefve";
        let text = from_bytes(latin);
        assert_eq!((text.chars().count(), &*to_bytes(&text)), (5, &latin[..]));
        // A private-use character that is actually sent is not confused with a byte.
        let sent = "\u{10feef}";
        assert_eq!(&*to_bytes(&from_bytes(sent.as_bytes())), sent.as_bytes());
    }

    proptest! {
        #[test]
        fn every_value_round_trips(bytes in proptest::collection::vec(any::<u8>(), 0..40), text in "\\PC*") {
            for value in [&bytes[..], text.as_bytes()] {
                let kept = from_bytes(value);
                prop_assert_eq!(&*to_bytes(&kept), value);
            }
        }
    }
}
