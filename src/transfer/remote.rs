//! Selects objects: `s3://` arguments, prefixes, wildcards, and the include/exclude rules.

use super::plan::record::{Fields, Record, put_bytes, put_number};
use super::plan::{SortOrder, SortedSpool, Sorter};
use super::selection::SelectionOptions;
use crate::output::{Failure, Outcome};
use crate::patterns::{Filter, Wildcard};
use crate::shard::Shard;
use crate::uri::S3Uri;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use s3cmd_client::Client;
use s3cmd_client::list::ListOptions;
use std::cmp::Ordering;
use std::sync::Arc;

/// A selected object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteItem {
    /// Bucket.
    pub(crate) bucket: Arc<str>,
    /// Key.
    pub(crate) key: String,
    /// Offset in bytes at which the relative name begins in the key.
    relative: usize,
    /// The properties from the listing. `None` for an object that was named and not looked up.
    pub(crate) listed: Option<Listed>,
}

/// The properties of an object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Length in bytes.
    pub(crate) size: u64,
    /// ETag without quotes.
    pub(crate) etag: String,
}

/// Which objects the arguments select, and how they are found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// Every argument is a prefix.
    pub(crate) recursive: bool,
    /// The include/exclude rules.
    pub(crate) filter: &'a Filter,
    /// The share of this run, with `--shard`.
    pub(crate) shard: Option<Shard>,
    /// The maximum number of concurrent listing requests.
    pub(crate) width: usize,
    /// Whether to skip, with a warning, an object whose key equals the prefix: it would have no name at a destination.
    pub(crate) needs_names: bool,
}

/// The selected objects, and the names that were excluded.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// The selected objects.
    pub(crate) items: SortedSpool<RemoteItem>,
    /// Relative names that an exclude rule matched, in ascending order.
    pub(crate) excluded: SortedSpool<String>,
}

/// An object that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The object is selected.
    Chosen(RemoteItem),
    /// An exclude rule matched; this is the relative name.
    Excluded(String),
}

/// Sorts by relative name. An object that was named twice is selected once, unless its relative names differ.
pub(crate) const BY_RELATIVE: SortOrder<RemoteItem> =
    SortOrder { order: by_relative, same: |a, b| by_relative(a, b) == Ordering::Equal };

/// Sorts by relative name. An object is selected once even if its listings differ.
pub(crate) const BY_RELATIVE_ONCE: SortOrder<RemoteItem> =
    SortOrder { order: by_relative, same: |a, b| a.bucket == b.bucket && a.key == b.key };

/// Keeps the order of the arguments, and below a wildcard the order of the listing. An object that is named twice is
/// selected twice.
pub(crate) const AS_NAMED: SortOrder<RemoteItem> =
    SortOrder { order: |_, _| Ordering::Equal, same: |_, _| false };

/// Sorts by bucket and key, regardless of the argument that named the object.
pub(crate) const BY_KEY: SortOrder<RemoteItem> = SortOrder {
    order: |a, b| (&a.bucket, &a.key).cmp(&(&b.bucket, &b.key)),
    same: |a, b| a.bucket == b.bucket && a.key == b.key,
};

fn by_relative(a: &RemoteItem, b: &RemoteItem) -> Ordering {
    (a.relative(), &a.bucket, &a.key).cmp(&(b.relative(), &b.bucket, &b.key))
}

impl RemoteItem {
    /// The object's URI.
    pub(crate) fn uri(&self) -> S3Uri {
        S3Uri::new(&*self.bucket, self.key.clone())
    }

    /// The name below the destination: the last component of a named key, or the part of the key after the last slash
    /// of the listed prefix.
    pub(crate) fn relative(&self) -> &str {
        &self.key[self.relative..]
    }
}

impl Record for RemoteItem {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.bucket.as_bytes());
        put_bytes(out, self.key.as_bytes());
        put_number(out, self.relative as u64);
        if let Some(listed) = &self.listed {
            put_number(out, listed.size);
            put_bytes(out, listed.etag.as_bytes());
        }
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (bucket, key) = (fields.text()?.into(), fields.text()?.to_owned());
        let relative = usize::try_from(fields.number()?).ok().filter(|at| key.is_char_boundary(*at))?;
        let listed = match fields.number() {
            Some(size) => Some(Listed { size, etag: fields.text()?.to_owned() }),
            None => None,
        };
        Some(Self { bucket, key, relative, listed })
    }
}

/// Expands the arguments to a sorted selection of objects.
///
/// With `recursive`, every argument is a string prefix: `s3://b/data` also selects `data2/x`. Without it, `*` and `?`
/// are wildcards for the keys at that level, and any other argument names one object, which is not looked up. Rules
/// measured on s3cmd 2.4.0.
pub(crate) async fn select(
    client: &Client,
    uris: &[S3Uri],
    scope: Scope<'_>,
    rules: SortOrder<RemoteItem>,
) -> Outcome<Selection> {
    let mut items = Sorter::new(rules);
    let mut excluded = Sorter::new(SortOrder { order: String::cmp, same: String::eq });
    for uri in uris {
        let mut pages = find(client, uri, scope)?;
        while let Some(page) = pages.next().await {
            for found in page? {
                match found {
                    Found::Chosen(item) => items.push(item)?,
                    Found::Excluded(name) => excluded.push(name)?,
                }
            }
        }
    }
    Ok(Selection { items: items.finish()?, excluded: excluded.finish()? })
}

/// Finds the objects that one argument names, page by page in key order; see [`select`].
pub(crate) fn find<'a>(
    client: &Client,
    uri: &S3Uri,
    scope: Scope<'a>,
) -> Outcome<BoxStream<'a, Outcome<Vec<Found>>>> {
    let bucket: Arc<str> = uri.bucket.as_str().into();
    let wildcard = if scope.recursive { None } else { Wildcard::new(&uri.key) };
    if !(scope.recursive || wildcard.is_some()) {
        if uri.basename().is_empty() {
            return Err(Failure::parameter(format!(
                "Expecting S3 URI with a filename or --recursive: {uri}"
            )));
        }
        let relative = uri.key.len() - uri.basename().len();
        let found = scope.classify(RemoteItem { bucket, key: uri.key.clone(), relative, listed: None });
        return Ok(stream::iter([Ok(found.into_iter().collect())]).boxed());
    }
    let prefix = wildcard.as_ref().map_or(uri.key.as_str(), Wildcard::literal_prefix);
    let deep = wildcard.as_ref().is_none_or(Wildcard::needs_recursion);
    let relative = prefix.rfind('/').map_or(0, |slash| slash + 1);
    let delimiter = if deep { "" } else { "/" };
    let options = ListOptions::new(prefix).with_delimiter(delimiter).with_width(scope.width);
    let pages = client.list_pages(&uri.bucket, options).map(move |page| {
        let page = page?;
        let matching = page.entries().filter(|object| match &wildcard {
            Some(wildcard) => wildcard.matches(object.key),
            None => true,
        });
        let items = matching.filter_map(|object| {
            let listed = Some(Listed { size: object.size, etag: object.etag.to_owned() });
            scope.classify(RemoteItem {
                bucket: bucket.clone(),
                key: object.key.to_owned(),
                relative,
                listed,
            })
        });
        Ok(items.collect())
    });
    Ok(pages.boxed())
}

impl<'a> Scope<'a> {
    /// The scope of a run that makes up to `width` concurrent requests.
    pub(crate) fn new(options: &'a SelectionOptions, width: usize) -> Self {
        let SelectionOptions { recursive, filter, shard, .. } = options;
        Self { recursive: *recursive, filter, shard: *shard, width, needs_names: false }
    }

    /// Applies the rules to an object. Returns `None` if it is skipped or belongs to another shard.
    fn classify(&self, item: RemoteItem) -> Option<Found> {
        if self.needs_names && item.relative().is_empty() {
            log::warn!("Found empty root object name on S3, ignoring.");
            return None;
        }
        if self.shard.is_some_and(|shard| !shard.contains(item.relative())) {
            return None;
        }
        Some(match self.filter.excludes(item.relative()) {
            Some(_) => Found::Excluded(item.relative().to_owned()),
            None => Found::Chosen(item),
        })
    }
}

impl Selection {
    /// Fails if two objects have the same relative name, because the later one would silently replace the earlier one.
    pub(crate) fn refuse_same_names(&self) -> Outcome {
        match self.items.neighbours(|a, b| a.relative() == b.relative())? {
            Some((a, b)) => Err(Failure::parameter(format!(
                "Two sources have the same name '{}': {} and {}",
                a.relative(),
                a.uri(),
                b.uri()
            ))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_survive_encoding() {
        let listed = Some(Listed { size: u64::MAX, etag: "e-3".into() });
        for listed in [listed, None] {
            let item = RemoteItem { bucket: "b".into(), key: "ä/ö".into(), relative: 3, listed };
            let mut plan = Sorter::new(BY_RELATIVE);
            plan.push(item.clone()).unwrap();
            plan.push(item.clone()).unwrap();
            let read: Vec<_> = plan.finish().unwrap().iter().map(Result::unwrap).collect();
            assert_eq!(read, [item]);
        }
    }
}
