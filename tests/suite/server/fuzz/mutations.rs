//! Random changes to requests.

use crate::support::random::Random;

/// Text of characters that are special somewhere.
pub(super) fn text(random: &mut Random, length: usize) -> String {
    const CHARACTERS: &[char] = &[
        'a', 'b', 'Z', '0', '9', '/', '.', '%', '+', '&', '=', '?', '#', ';', ':', '"', '\'', '<', '>', '\\',
        '*', ' ', '-', '_', '~', '$', '{', '}', '(', ')', '|', '@', '!', ',', 'é', 'ß', '日', '😀',
        '\u{200b}', '\u{85}',
    ];
    (0..length).map(|_| CHARACTERS[random.below(CHARACTERS.len())]).collect()
}

/// Changes a few bytes, or truncates, duplicates or moves a piece.
pub(super) fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            *bytes = random.bytes(4);
        }
        let (at, length) = (random.below(bytes.len()), 1 + random.below(20));
        let end = (at + length).min(bytes.len());
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = *b"\0\r\n /%<>&;:=\"\xff\x80{".get(random.below(17)).unwrap_or(&b'x'),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => {
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                let noise = random.bytes(length);
                bytes.splice(at..at, noise);
            }
        }
    }
}

/// Changes a document of tags and texts so that much of it stays valid: pieces are removed, duplicated, swapped or
/// replaced.
pub(super) fn rearrange(random: &mut Random, document: &str, words: &[&str]) -> String {
    let mut pieces: Vec<String> = Vec::new();
    for part in document.split_inclusive(['>', ',', '{', '}', '[', ']']) {
        match part.find('<') {
            Some(at) if at > 0 => pieces.extend([part[..at].to_owned(), part[at..].to_owned()]),
            _ => pieces.push(part.to_owned()),
        }
    }
    for _ in 0..=random.below(3) {
        if pieces.is_empty() {
            break;
        }
        let (at, other) = (random.below(pieces.len()), random.below(pieces.len()));
        match random.below(7) {
            0 => drop(pieces.remove(at)),
            1 => pieces.insert(other, pieces[at].clone()),
            2 => pieces.swap(at, other),
            3 => pieces[at] = random.pick(words).to_owned(),
            4 => pieces.insert(at, random.pick(words).to_owned()),
            5 => {
                let run = pieces[at.min(other)..=at.max(other)].to_vec();
                let times = 1 + random.below(40);
                for _ in 0..times.min(4000 / run.len()) {
                    pieces.splice(at..at, run.iter().cloned());
                }
            }
            _ => {
                let length = random.below(12);
                pieces[at] = text(random, length);
            }
        }
    }
    pieces.concat()
}
