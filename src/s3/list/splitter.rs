//! Where a range of keys is cut in two: at a known directory in its middle, or at a guess.
//!
//! A guess keeps the beginning of the last key that was seen and puts a greater letter or digit behind it, at the first
//! place where there may be one: that is the widest step. What keys look like is learned from those that were listed.

use super::ListPage;

/// Characters of a key that are looked at.
const DEPTH: usize = 96;

/// Characters that are looked at to tell how far one key is from another.
const RANKED: usize = 12;

/// Guesses at one place that led nowhere, after which only what was seen there is believed.
const GUESSES: u8 = 3;

/// What is known of the keys.
#[derive(Debug)]
pub(super) struct KeyspaceSplitter {
    /// Length of what all keys begin with.
    prefix: usize,
    /// Common prefixes, ascending.
    prefixes: Vec<String>,
    /// The ASCII characters that were seen at each place.
    seen: Vec<u128>,
    /// How many guesses led nowhere at each place.
    misses: Vec<u8>,
}

impl KeyspaceSplitter {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.len(), prefixes: Vec::new(), seen: vec![0; DEPTH], misses: vec![0; DEPTH] }
    }

    /// Takes common prefixes, ascending.
    pub(super) fn learn_prefixes(&mut self, prefixes: Vec<String>) {
        prefixes.iter().for_each(|prefix| self.learn(prefix));
        self.prefixes = prefixes;
    }

    /// Takes some of the keys of a page.
    pub(super) fn learn_keys(&mut self, page: &ListPage) {
        let step = (page.len() / 16).max(1);
        for entry in page.entries().rev().step_by(step) {
            self.learn(entry.key);
        }
    }

    fn learn(&mut self, key: &str) {
        for (place, byte) in key.bytes().skip(self.prefix).take(DEPTH).enumerate() {
            if byte.is_ascii() && self.seen[place] & 1 << byte == 0 {
                self.seen[place] |= 1 << byte;
                self.misses[place] = 0;
            }
        }
    }

    /// Nothing was found behind a cut.
    pub(super) fn note_miss(&mut self, at: &str, cut: &str) {
        let common = at.bytes().zip(cut.bytes()).take_while(|(a, b)| a == b).count();
        if let Some(misses) = common.checked_sub(self.prefix).and_then(|place| self.misses.get_mut(place)) {
            *misses = misses.saturating_add(1);
        }
    }

    /// How many more pages there may be up to `end`, if one led from `before` to `at`.
    pub(super) fn pages_left(&self, before: &str, at: &str, end: &str) -> f64 {
        let common = before.bytes().zip(end.bytes()).take_while(|(a, b)| a == b).count();
        let [before, at, end] = [before, at, end].map(|key| self.rank(key, common));
        (end - at) / (at - before).max(f64::MIN_POSITIVE)
    }

    /// Where a key lies among those that begin with its first `common` bytes, by what was seen of them.
    fn rank(&self, key: &str, common: usize) -> f64 {
        let (mut rank, mut width) = (0.0, 1.0);
        for index in common..common + RANKED {
            let Some(seen) = index.checked_sub(self.prefix).and_then(|place| self.seen.get(place)) else {
                continue;
            };
            width /= f64::from(seen.count_ones() + 1);
            if let Some(byte) = key.as_bytes().get(index) {
                let below = if byte.is_ascii() { seen & ((1 << byte) - 1) } else { *seen };
                rank += width * f64::from(below.count_ones() + 1);
            }
        }
        rank
    }

    /// A cut above `at` and below `end`, if one comes to mind.
    pub(super) fn between(&self, at: &str, end: Option<&str>) -> Option<String> {
        let low = self.prefixes.partition_point(|prefix| prefix.as_str() <= at);
        let high = end
            .map_or(self.prefixes.len(), |end| self.prefixes.partition_point(|prefix| prefix.as_str() < end));
        if low < high {
            return Some(self.prefixes[low + (high - low) / 2].clone());
        }
        self.guess(at, end).filter(|cut| cut.as_str() > at && end.is_none_or(|end| cut.as_str() < end))
    }

    fn guess(&self, at: &str, end: Option<&str>) -> Option<String> {
        // As long as the key is the beginning of the end, a guess must stay below the end's next byte.
        let mut bound = end.map(str::as_bytes);
        for (place, byte) in at.bytes().skip(self.prefix).take(DEPTH).enumerate() {
            let index = place + self.prefix;
            let limit = bound.and_then(|end| end.get(index).copied());
            if at.is_char_boundary(index) && byte.is_ascii_alphanumeric() {
                let below = |b: &u8| limit.is_none_or(|limit| *b < limit);
                if let Some(next) = self.choice(place, byte, below) {
                    return Some(format!("{}{}", &at[..index], char::from(next)));
                }
            }
            if limit != Some(byte) {
                bound = None;
            }
        }
        None
    }

    /// A character in the middle of those above `byte` that are allowed: of those that were seen at this place, else of
    /// its kind, else of all letters and digits.
    fn choice(&self, place: usize, byte: u8, allowed: impl Fn(&u8) -> bool) -> Option<u8> {
        let middle = |choices: Vec<u8>| choices.get(choices.len() / 2).copied();
        let above = (byte + 1..=b'z').filter(u8::is_ascii_alphanumeric).filter(allowed);
        let above: Vec<u8> = above.collect();
        let seen = above.iter().copied().filter(|b| self.seen[place] & 1 << b != 0).collect::<Vec<_>>();
        if !seen.is_empty() || self.misses[place] >= GUESSES {
            return middle(seen);
        }
        let alike = |b: &u8| {
            (b.is_ascii_digit(), b.is_ascii_lowercase()) == (byte.is_ascii_digit(), byte.is_ascii_lowercase())
        };
        let kin = above.iter().copied().filter(alike).collect::<Vec<_>>();
        if kin.is_empty() { middle(above) } else { middle(kin) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_directories_come_first() {
        let mut cuts = KeyspaceSplitter::new("");
        cuts.learn_prefixes(["a/", "b/", "c/", "d/"].map(str::to_owned).to_vec());
        assert_eq!(cuts.between("a/x", None).as_deref(), Some("c/"));
        assert_eq!(cuts.between("a/x", Some("c/")).as_deref(), Some("b/"));
        assert_eq!(cuts.between("d/x", None).as_deref(), Some("p"));
    }

    #[test]
    fn a_guess_lies_between_and_gives_up_what_led_nowhere() {
        let mut cuts = KeyspaceSplitter::new("p/");
        cuts.learn("p/d00017");
        let cut = |cuts: &KeyspaceSplitter, end: Option<&str>| cuts.between("p/d00017", end);
        assert_eq!(cut(&cuts, Some("p/d9")).as_deref(), Some("p/d5"));
        assert_eq!(cut(&cuts, Some("p/d1")).as_deref(), Some("p/d05"));
        // Between the two there is only what is longer.
        assert_eq!(cut(&cuts, Some("p/d00018")).as_deref(), None);
        assert_eq!(cut(&cuts, None).as_deref(), Some("p/p"));
        for _ in 0..GUESSES {
            cuts.note_miss("p/d00017", "p/p");
        }
        assert_eq!(cut(&cuts, None).as_deref(), Some("p/d5"));
        cuts.learn("p/x");
        assert_eq!(cut(&cuts, None).as_deref(), Some("p/x"));
    }

    #[test]
    fn letters_that_are_not_ascii_are_left_whole() {
        let cuts = KeyspaceSplitter::new("");
        for at in ["ä", "äb", "日本", ""] {
            if let Some(cut) = cuts.between(at, None) {
                assert!(cut.as_str() > at);
            }
        }
    }
}
