//! A part of the work that is split among several runs (`--shard I/N`). A leaf module that any other module can use.

use sha2::{Digest, Sha256};
use std::fmt;
use std::num::NonZeroU32;

/// Part `I` of `N`. The runs for the parts need no coordination.
///
/// A name belongs to part `H mod N + 1`, where `H` is the first eight bytes of its SHA-256 as a big-endian number. The
/// parts are disjoint, together they are complete, and they do not depend on the current contents of a listing. The
/// rule is part of the interface and does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    index: u32,
    count: NonZeroU32,
}

impl Shard {
    /// Parses `I/N`, with `I` from 1 to `N`. `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (index, count) = text.trim().split_once('/')?;
        let number =
            |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let (index, count) = (number(index)?, NonZeroU32::new(number(count)?)?);
        (1..=count.get()).contains(&index).then_some(Self { index, count })
    }

    /// Whether a name belongs to this part. The name is relative to the argument, as for `--exclude`.
    pub(crate) fn contains(self, name: &str) -> bool {
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
    fn parts_are_numbered_from_one() {
        for good in ["1/1", "3/3", "1/4000000000", " 2/7 "] {
            assert_eq!(Shard::parse(good).unwrap().to_string(), good.trim());
        }
        for bad in ["", "0/3", "4/3", "1/0", "1", "1/", "/1", "-1/3", "+1/3", "1/3/5", "a/b", "1/99999999999"]
        {
            assert_eq!(Shard::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_name_is_in_one_part_and_parts_are_balanced() {
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

    /// Runs of different versions can split the same work, so these values must never change.
    #[test]
    fn the_assignment_is_stable() {
        let part =
            |name: &str| (1..=16).find(|i| Shard::parse(&format!("{i}/16")).unwrap().contains(name)).unwrap();
        // SHA-256 of the empty name begins e3b0c44298fc1c14, of "abc" ba7816bf8f01cfea.
        assert_eq!([part(""), part("abc")], [5, 11]);
    }
}
