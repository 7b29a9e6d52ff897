//! The include/exclude rules and the shard, applied to both sides of a synchronisation.

use super::Exclusion;
use super::sources::{Items, Root};
use crate::patterns::{Filter, Syntax};
use crate::shard::Shard;
use futures::StreamExt;
use std::sync::Arc;

/// The include/exclude rules, which apply to both sides.
#[derive(Clone, Debug)]
pub(crate) struct NameRules {
    filter: Filter,
    /// The share of this run, with `--shard`. Names of other shards are ignored.
    shard: Option<Shard>,
    /// The directories of the walk, with the prefixes of their names, if some rule excludes directories from the walk.
    bases: Vec<(String, String)>,
}

impl NameRules {
    /// Creates the rules. `roots` are the local trees to whose directories the rules apply.
    pub(crate) fn new(filter: &Filter, shard: Option<Shard>, roots: &[Root]) -> Self {
        let prunes = filter
            .exclude
            .iter()
            .any(|pattern| pattern.syntax() == Syntax::Glob && pattern.text().ends_with('/'));
        let bases = roots.iter().filter(|_| prunes).filter_map(|root| match root {
            Root::Directory { path, prefix } => Some((prefix.clone(), path.to_string_lossy().into_owned())),
            Root::File { .. } => None,
        });
        Self { filter: filter.clone(), shard, bases: bases.collect() }
    }

    /// Whether the walk would not reach that name because it does not enter a parent directory.
    pub(crate) fn hides(&self, relative: &str) -> bool {
        self.bases.iter().any(|(prefix, base)| {
            let Some(below) = relative.strip_prefix(prefix.as_str()) else { return false };
            let base = base.strip_suffix('/').unwrap_or(base);
            below
                .match_indices('/')
                .any(|(slash, _)| self.filter.prunes(&format!("{base}/{}", &below[..=slash])))
        })
    }

    /// Returns whether a rule or the shard excludes the name.
    fn exclusion(&self, relative: &str) -> Exclusion {
        match self.shard {
            Some(shard) if !shard.contains(relative) => Exclusion::Elsewhere,
            _ if self.filter.excludes(relative).is_some() => Exclusion::Shown,
            _ => Exclusion::No,
        }
    }

    /// Marks the excluded items of a side whose walk applies the rules for directories itself.
    pub(crate) fn walked(self: Arc<Self>, items: Items) -> Items {
        if self.filter.is_empty() && self.shard.is_none() {
            return items;
        }
        let marked = items.map(move |item| {
            item.map(|mut item| {
                item.excluded = self.exclusion(&item.relative);
                item
            })
        });
        marked.boxed()
    }

    /// Marks the excluded items of the destination of a walk, including names that the walk does not reach.
    pub(crate) fn mirrored(self: Arc<Self>, items: Items) -> Items {
        if self.bases.is_empty() {
            return self.walked(items);
        }
        let rules = self.clone();
        let marked = self.walked(items).map(move |item| {
            item.map(|mut item| {
                if item.excluded == Exclusion::No && rules.hides(&item.relative) {
                    item.excluded = Exclusion::Hidden;
                }
                item
            })
        });
        marked.boxed()
    }

    /// Marks the items of a local destination: names that s3cmd's walk would not reach are compared, but never deleted.
    /// (Temporary files of interrupted downloads are in no walk.)
    pub(crate) fn guarded(self: Arc<Self>, items: Items) -> Items {
        let rules = self.clone();
        let marked = self.walked(items).map(move |item| {
            item.map(|mut item| {
                item.guarded |= rules.hides(&item.relative);
                item
            })
        });
        marked.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_that_a_walk_skips_are_hidden_on_the_other_side() {
        let mut filter = Filter::default();
        filter.exclude.add(Syntax::Glob, "tree/sub/").unwrap();
        let roots = [Root::Directory { path: "my/tree".into(), prefix: "t/".into() }];
        let rules = NameRules::new(&filter, None, &roots);
        assert!(rules.hides("t/sub/x") && rules.hides("t/sub/x/y"));
        assert!(!rules.hides("t/sub") && !rules.hides("sub/x") && !rules.hides("t/a/sub/x"));
        filter.include.add(Syntax::Glob, "sub/").unwrap();
        assert!(!NameRules::new(&filter, None, &roots).hides("t/sub/x"));
    }
}
