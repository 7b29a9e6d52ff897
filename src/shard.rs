//! One of several shares of the same work (`--shard I/N`). A leaf module: every room may use it.

use sha2::{Digest, Sha256};
use std::fmt;
use std::num::NonZeroU32;

/// The share of one of `N` runs that need not know of each other.
///
/// A name belongs to the share whose number is one more than the remainder that the first eight bytes of its SHA-256,
/// read as a big-endian number, leave when divided by `N`. So the shares are disjoint, together they are the whole, and
/// neither depends on what a listing says at the moment. The rule is part of the interface and does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: NonZeroU32,
}

impl Shard {
    /// Reads `I/N`, `I` from 1 to `N`. `None` if it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let (index, count) = text.trim().split_once('/')?;
        let number =
            |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let (index, count) = (number(index)?, NonZeroU32::new(number(count)?)?);
        (1..=count.get()).contains(&index).then_some(Self { index, count })
    }

    /// Whether a name belongs to this share. It is the name relative to the argument, the one that `--exclude` sees.
    pub fn contains(self, name: &str) -> bool {
        let digest = Sha256::digest(name.as_bytes());
        let first = digest.iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        first % u64::from(self.count.get()) == u64::from(self.index - 1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_run_from_one_to_their_number() {
        for good in ["1/1", "3/3", "1/4000000000", " 2/7 "] {
            assert_eq!(Shard::parse(good).unwrap().to_string(), good.trim());
        }
        for bad in ["", "0/3", "4/3", "1/0", "1", "1/", "/1", "-1/3", "+1/3", "1/3/5", "a/b", "1/99999999999"]
        {
            assert_eq!(Shard::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_name_is_in_one_share_and_shares_are_fair() {
        let names: Vec<String> = (0..4_000).map(|number| format!("dir/file-{number:05}")).collect();
        let shards: Vec<Shard> = (1..=7).map(|i| Shard::parse(&format!("{i}/7")).unwrap()).collect();
        let mut counts = [0; 7];
        for name in &names {
            let of: Vec<usize> = (0..7).filter(|index| shards[*index].contains(name)).collect();
            assert_eq!(of.len(), 1, "{name}");
            counts[of[0]] += 1;
        }
        assert!(counts.iter().all(|count| (450..700).contains(count)), "{counts:?}");
    }

    /// Runs of different versions may share work: these may never change.
    #[test]
    fn the_rule_stands() {
        let share =
            |name: &str| (1..=16).find(|i| Shard::parse(&format!("{i}/16")).unwrap().contains(name)).unwrap();
        // SHA-256 of the empty name begins e3b0c44298fc1c14, of "abc" ba7816bf8f01cfea.
        assert_eq!([share(""), share("abc")], [5, 11]);
    }
}
