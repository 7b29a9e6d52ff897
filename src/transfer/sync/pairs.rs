//! Merges the two sides by name.

use super::sources::Items;
use super::{Exclusion, Item};
use crate::output::Outcome;
use futures::{Stream, StreamExt};

/// A name that exists on one side or on both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// It is excluded by a rule or by the shard. The flag is whether it exists in the source.
    Excluded(String, Exclusion, bool),
    /// It exists only in the source.
    Source(Item),
    /// It exists only at the destination.
    Destination(Item),
    /// It exists on both sides: source, destination.
    Both(Item, Item),
}

/// Merges both sides, which must be sorted.
pub(crate) fn pairs(source: Items, destination: Items) -> impl Stream<Item = Outcome<Pair>> + Send {
    struct Side {
        items: Items,
        next: Option<Item>,
        ended: bool,
    }
    impl Side {
        async fn fill(&mut self) -> Outcome {
            if self.next.is_none() && !self.ended {
                self.next = self.items.next().await.transpose()?;
                self.ended = self.next.is_none();
            }
            Ok(())
        }
    }
    let side = |items| Side { items, next: None, ended: false };
    let state = (side(source), side(destination));
    futures::stream::try_unfold(state, |(mut source, mut destination)| async move {
        source.fill().await?;
        destination.fill().await?;
        let (a, b) = (&source.next, &destination.next);
        let order = match (a, b) {
            (None, None) => return Ok(None),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => a.relative.cmp(&b.relative),
        };
        let a = if order.is_le() { source.next.take() } else { None };
        let b = if order.is_ge() { destination.next.take() } else { None };
        let excluded =
            [&a, &b].into_iter().flatten().map(|item| item.excluded).find(|kind| *kind != Exclusion::No);
        let pair = match (a, b, excluded) {
            (Some(item), _, Some(kind)) => Pair::Excluded(item.relative, kind, true),
            (None, Some(item), Some(kind)) => Pair::Excluded(item.relative, kind, false),
            (Some(a), Some(b), None) => Pair::Both(a, b),
            (Some(a), None, None) => Pair::Source(a),
            (None, Some(b), None) => Pair::Destination(b),
            (None, None, _) => return Ok(None),
        };
        Ok(Some((pair, (source, destination))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Failure;

    fn items(names: &[(&str, u64)]) -> Items {
        let items: Vec<_> = names
            .iter()
            .map(|(name, size)| {
                let mut item = Item::local((*name).to_owned(), *size, (*name).into());
                if name.contains('x') {
                    item.excluded = Exclusion::Shown;
                }
                Ok(item)
            })
            .collect();
        futures::stream::iter(items).boxed()
    }

    #[tokio::test]
    async fn names_are_paired_in_order() {
        let source = items(&[("a", 1), ("c", 1), ("dx", 1), ("e", 1)]);
        let destination = items(&[("b", 1), ("c", 2), ("dx", 1), ("fx", 1)]);
        let pairs: Vec<Pair> = pairs(source, destination).map(Result::unwrap).collect().await;
        let shown: Vec<String> = pairs
            .iter()
            .map(|pair| match pair {
                Pair::Source(item) => format!("+{}", item.relative),
                Pair::Destination(item) => format!("-{}", item.relative),
                Pair::Both(a, b) => format!("={} {} {}", a.relative, a.size, b.size),
                Pair::Excluded(name, ..) => format!("!{name}"),
            })
            .collect();
        assert_eq!(shown, ["+a", "-b", "=c 1 2", "!dx", "+e", "!fx"]);
    }

    #[tokio::test]
    async fn a_failure_of_either_side_ends_the_pairs() {
        let broken = futures::stream::iter([Err(Failure::parameter("x"))]).boxed();
        let found: Vec<_> = pairs(items(&[("a", 1)]), broken).collect().await;
        assert!(matches!(&found[..], [Err(_)]));
    }
}
