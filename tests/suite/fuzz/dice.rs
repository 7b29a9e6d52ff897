//! Chance that can be repeated, and what it does to requests.

/// A generator of random numbers (SplitMix64): the same seed, the same requests.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True one time in `times`.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// Text of characters that mean something somewhere.
    pub(super) fn text(&mut self, length: usize) -> String {
        const CHARACTERS: &[char] = &[
            'a', 'b', 'Z', '0', '9', '/', '.', '%', '+', '&', '=', '?', '#', ';', ':', '"', '\'', '<', '>',
            '\\', '*', ' ', '-', '_', '~', '$', '{', '}', '(', ')', '|', '@', '!', ',', 'é', 'ß', '日', '😀',
            '\u{200b}', '\u{85}',
        ];
        (0..length).map(|_| CHARACTERS[self.below(CHARACTERS.len())]).collect()
    }

    /// Changes a few bytes, cuts, doubles or swaps a piece.
    pub(super) fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                *bytes = self.bytes(4);
            }
            let (at, length) = (self.below(bytes.len()), 1 + self.below(20));
            let end = (at + length).min(bytes.len());
            match self.below(6) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = *b"\0\r\n /%<>&;:=\"\xff\x80{".get(self.below(17)).unwrap_or(&b'x'),
                2 => drop(bytes.drain(at..end)),
                3 => bytes.truncate(at),
                4 => {
                    let piece = bytes[at..end].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, piece);
                }
                _ => {
                    let noise = self.bytes(length);
                    bytes.splice(at..at, noise);
                }
            }
        }
    }

    /// Changes a document of tags and texts so that much of it still makes sense: pieces go, come twice, change places,
    /// or say something else.
    pub(super) fn rearrange(&mut self, document: &str, words: &[&str]) -> String {
        let mut pieces: Vec<String> = Vec::new();
        for part in document.split_inclusive(['>', ',', '{', '}', '[', ']']) {
            match part.find('<') {
                Some(at) if at > 0 => pieces.extend([part[..at].to_owned(), part[at..].to_owned()]),
                _ => pieces.push(part.to_owned()),
            }
        }
        for _ in 0..=self.below(3) {
            if pieces.is_empty() {
                break;
            }
            let (at, other) = (self.below(pieces.len()), self.below(pieces.len()));
            match self.below(7) {
                0 => drop(pieces.remove(at)),
                1 => pieces.insert(other, pieces[at].clone()),
                2 => pieces.swap(at, other),
                3 => pieces[at] = self.pick(words).to_owned(),
                4 => pieces.insert(at, self.pick(words).to_owned()),
                5 => {
                    let run = pieces[at.min(other)..=at.max(other)].to_vec();
                    let times = 1 + self.below(40);
                    for _ in 0..times.min(4000 / run.len()) {
                        pieces.splice(at..at, run.iter().cloned());
                    }
                }
                _ => {
                    let length = self.below(12);
                    pieces[at] = self.text(length);
                }
            }
        }
        pieces.concat()
    }
}
