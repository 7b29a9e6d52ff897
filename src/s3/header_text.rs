//! Header values as text, without losing a byte.
//!
//! A header value is bytes: mostly ASCII or UTF-8, and sometimes Latin-1 or anything else that an old client sends. Values
//! are kept and compared as text, so bytes that are not UTF-8 stand as characters of a private range, one for each byte.
//! Characters of that range in a value that is UTF-8 are treated as bytes, too, so every value has one text and every
//! text one value.

use std::borrow::Cow;

/// The character that stands for the byte 0; only those for 0x80 to 0xff are used. At the end of Unicode's last plane for
/// private use.
const BASE: u32 = 0x0010_fe00;

fn byte_of(c: char) -> Option<u8> {
    let byte = u32::from(c).checked_sub(BASE)?;
    u8::try_from(byte).ok().filter(|byte| *byte >= 0x80)
}

fn push_byte(text: &mut String, byte: u8) {
    // Every number of this range is a character.
    text.extend(char::from_u32(BASE + u32::from(byte)));
}

/// The text of a value.
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

/// The value of a text.
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    // All characters that stand for a byte begin with this one.
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
    fn utf_8_is_itself_and_other_bytes_are_kept() {
        assert_eq!(from_bytes("na\u{ef}ve \u{1f600}".as_bytes()), "na\u{ef}ve \u{1f600}");
        let latin = b"na\xefve";
        let text = from_bytes(latin);
        assert_eq!((text.chars().count(), &*to_bytes(&text)), (5, &latin[..]));
        // What stands for a byte is not taken for one where somebody sends it.
        let sent = "\u{10feef}";
        assert_eq!(&*to_bytes(&from_bytes(sent.as_bytes())), sent.as_bytes());
    }

    proptest! {
        #[test]
        fn every_value_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..40), text in "\\PC*") {
            for value in [&bytes[..], text.as_bytes()] {
                let kept = from_bytes(value);
                prop_assert_eq!(&*to_bytes(&kept), value);
            }
        }
    }
}
