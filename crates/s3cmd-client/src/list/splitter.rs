//! Splits a range of keys in two: at a known directory in its middle, or at a guess.
//!
//! A guess keeps the beginning of the last key seen and replaces the character after it with a greater letter or
//! digit, at the first possible position: that is the widest step. The listed keys show what keys look like.

use super::ListPage;

/// Number of characters of a key that are considered.
const DEPTH: usize = 96;

/// Number of characters that are considered to estimate the distance of two keys.
const RANK_DEPTH: usize = 12;

/// Number of failed guesses at one position after which only characters seen there are tried.
const MAX_MISSES: u8 = 3;

/// What is known about the keys.
#[derive(Debug)]
pub(super) struct KeyspaceSplitter {
    /// Length of the prefix that all keys share.
    prefix: usize,
    /// Common prefixes, ascending.
    prefixes: Vec<String>,
    /// The ASCII characters seen at each position.
    seen: Vec<u128>,
    /// Number of failed guesses at each position.
    misses: Vec<u8>,
}

impl KeyspaceSplitter {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.len(), prefixes: Vec::new(), seen: vec![0; DEPTH], misses: vec![0; DEPTH] }
    }

    /// Records common prefixes, which must be in ascending order.
    pub(super) fn learn_prefixes(&mut self, prefixes: Vec<String>) {
        prefixes.iter().for_each(|prefix| self.learn(prefix));
        self.prefixes = prefixes;
    }

    /// Records a sample of the keys of a page.
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

    /// Records that there are no keys beyond a split.
    pub(super) fn note_miss(&mut self, at: &str, split_key: &str) {
        let common = at.bytes().zip(split_key.bytes()).take_while(|(a, b)| a == b).count();
        if let Some(misses) = common.checked_sub(self.prefix).and_then(|place| self.misses.get_mut(place)) {
            *misses = misses.saturating_add(1);
        }
    }

    /// Estimates how many more pages there are up to `end`, if one page led from `before` to `at`.
    pub(super) fn pages_left(&self, before: &str, at: &str, end: &str) -> f64 {
        let common = before.bytes().zip(end.bytes()).take_while(|(a, b)| a == b).count();
        let [before, at, end] = [before, at, end].map(|key| self.rank(key, common));
        (end - at) / (at - before).max(f64::MIN_POSITIVE)
    }

    /// The relative position of a key among those that share its first `common` bytes, judging by the characters
    /// seen.
    fn rank(&self, key: &str, common: usize) -> f64 {
        let (mut rank, mut width) = (0.0, 1.0);
        for index in common..common + RANK_DEPTH {
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

    /// A split point above `at` and below `end`, if one can be found.
    pub(super) fn between(&self, at: &str, end: Option<&str>) -> Option<String> {
        let low = self.prefixes.partition_point(|prefix| prefix.as_str() <= at);
        let high = end
            .map_or(self.prefixes.len(), |end| self.prefixes.partition_point(|prefix| prefix.as_str() < end));
        if low < high {
            return Some(self.prefixes[low + (high - low) / 2].clone());
        }
        self.guess(at, end)
            .filter(|split_key| split_key.as_str() > at && end.is_none_or(|end| split_key.as_str() < end))
    }

    fn guess(&self, at: &str, end: Option<&str>) -> Option<String> {
        // While the key is a prefix of the end, a guess must stay below the next byte of the end.
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

    /// A character in the middle of the allowed ones above `byte`: of those seen at this position, else of the same
    /// class, else of all letters and digits.
    fn choice(&self, place: usize, byte: u8, allowed: impl Fn(&u8) -> bool) -> Option<u8> {
        let middle = |choices: Vec<u8>| choices.get(choices.len() / 2).copied();
        let above = (byte + 1..=b'z').filter(u8::is_ascii_alphanumeric).filter(allowed);
        let above: Vec<u8> = above.collect();
        let seen = above.iter().copied().filter(|b| self.seen[place] & 1 << b != 0).collect::<Vec<_>>();
        if !seen.is_empty() || self.misses[place] >= MAX_MISSES {
            return middle(seen);
        }
        let is_same_class = |b: &u8| {
            (b.is_ascii_digit(), b.is_ascii_lowercase()) == (byte.is_ascii_digit(), byte.is_ascii_lowercase())
        };
        let same_class = above.iter().copied().filter(is_same_class).collect::<Vec<_>>();
        if same_class.is_empty() { middle(above) } else { middle(same_class) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_directories_are_preferred() {
        let mut splitter = KeyspaceSplitter::new("");
        splitter.learn_prefixes(["a/", "b/", "c/", "d/"].map(str::to_owned).to_vec());
        assert_eq!(splitter.between("a/x", None).as_deref(), Some("c/"));
        assert_eq!(splitter.between("a/x", Some("c/")).as_deref(), Some("b/"));
        assert_eq!(splitter.between("d/x", None).as_deref(), Some("p"));
    }

    #[test]
    fn a_guess_lies_within_the_range_and_avoids_earlier_misses() {
        let mut splitter = KeyspaceSplitter::new("p/");
        splitter.learn("p/d00017");
        let split_key = |splitter: &KeyspaceSplitter, end: Option<&str>| splitter.between("p/d00017", end);
        assert_eq!(split_key(&splitter, Some("p/d9")).as_deref(), Some("p/d5"));
        assert_eq!(split_key(&splitter, Some("p/d1")).as_deref(), Some("p/d05"));
        // Only longer keys lie between the two.
        assert_eq!(split_key(&splitter, Some("p/d00018")).as_deref(), None);
        assert_eq!(split_key(&splitter, None).as_deref(), Some("p/p"));
        for _ in 0..MAX_MISSES {
            splitter.note_miss("p/d00017", "p/p");
        }
        assert_eq!(split_key(&splitter, None).as_deref(), Some("p/d5"));
        splitter.learn("p/x");
        assert_eq!(split_key(&splitter, None).as_deref(), Some("p/x"));
    }

    #[test]
    fn non_ascii_characters_are_not_split() {
        let splitter = KeyspaceSplitter::new("");
        for at in ["ä", "äb", "日本", ""] {
            if let Some(split_key) = splitter.between(at, None) {
                assert!(split_key.as_str() > at);
            }
        }
    }
}
