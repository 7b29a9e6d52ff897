//! Which objects a command is about: `s3://` arguments, whole prefixes, wildcards, and the include/exclude rules.

use crate::output::{Failure, Outcome};
use crate::patterns::{Filter, Wildcard};
use crate::s3::Client;
use crate::s3::list::ListOptions;
use crate::uri::S3Uri;
use futures::StreamExt;
use std::sync::Arc;

/// An object of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteItem {
    /// Bucket.
    pub bucket: Arc<str>,
    /// Key.
    pub key: String,
    /// Where the relative name begins in the key.
    relative: usize,
    /// What the listing said; `None` for an object that was named and not looked up.
    pub listed: Option<Listed>,
}

/// What a listing says about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Length in bytes.
    pub size: u64,
    /// ETag without quotes.
    pub etag: String,
}

/// The objects that were chosen, in ascending order of their relative names, and the names that were left out.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Chosen objects.
    pub items: Vec<RemoteItem>,
    /// Relative names that an exclude rule took out.
    pub excluded: Vec<String>,
}

impl RemoteItem {
    /// The object's URI.
    pub fn uri(&self) -> S3Uri {
        S3Uri::new(&*self.bucket, self.key.clone())
    }

    /// The name below the destination: the last part of a named key, else the part of the key below the last slash of
    /// the prefix that was listed.
    pub fn relative(&self) -> &str {
        &self.key[self.relative..]
    }
}

/// Expands arguments to objects.
///
/// With `recursive` every argument is a prefix, and a string prefix at that: `s3://b/data` also means `data2/x`.
/// Without, `*` and `?` are wildcards over the keys at that level, and all else names one object, which is not
/// looked up. Rules measured on s3cmd 2.4.0.
pub async fn select(client: &Client, uris: &[S3Uri], recursive: bool, filter: &Filter) -> Outcome<Selection> {
    let mut selection = Selection::default();
    for uri in uris {
        let bucket: Arc<str> = uri.bucket.as_str().into();
        let wildcard = if recursive { None } else { Wildcard::new(&uri.key) };
        if recursive || wildcard.is_some() {
            let prefix = wildcard.as_ref().map_or(uri.key.as_str(), Wildcard::literal_prefix);
            let deep = wildcard.as_ref().is_none_or(Wildcard::needs_recursion);
            let relative = prefix.rfind('/').map_or(0, |slash| slash + 1);
            let options = ListOptions {
                prefix: prefix.to_owned(),
                delimiter: if deep { String::new() } else { "/".to_owned() },
                ..ListOptions::default()
            };
            let mut pages = client.list(&uri.bucket, options).boxed();
            while let Some(page) = pages.next().await {
                for object in page?.objects {
                    if wildcard.as_ref().is_none_or(|wildcard| wildcard.matches(&object.key)) {
                        let listed = Some(Listed { size: object.size, etag: object.etag });
                        let bucket = bucket.clone();
                        selection.take(RemoteItem { bucket, key: object.key, relative, listed }, filter);
                    }
                }
            }
        } else {
            if uri.basename().is_empty() {
                return Err(Failure::parameter(format!(
                    "Expecting S3 URI with a filename or --recursive: {uri}"
                )));
            }
            let relative = uri.key.len() - uri.basename().len();
            selection.take(RemoteItem { bucket, key: uri.key.clone(), relative, listed: None }, filter);
        }
    }
    let order = |a: &RemoteItem, b: &RemoteItem| {
        (a.relative(), &a.bucket, &a.key).cmp(&(b.relative(), &b.bucket, &b.key))
    };
    selection.items.sort_unstable_by(order);
    // An object that was named twice is one object.
    selection.items.dedup();
    selection.excluded.sort_unstable();
    selection.excluded.dedup();
    Ok(selection)
}

impl Selection {
    fn take(&mut self, item: RemoteItem, filter: &Filter) {
        if filter.excludes(item.relative()).is_some() {
            self.excluded.push(item.relative().to_owned());
        } else {
            self.items.push(item);
        }
    }

    /// Refuses a plan in which two objects would take the same name; the later would silently replace the earlier.
    pub fn refuse_same_names(&self) -> Outcome {
        let twice = self.items.windows(2).find(|pair| pair[0].relative() == pair[1].relative());
        match twice {
            Some(pair) => Err(Failure::parameter(format!(
                "Two sources have the same name '{}': {} and {}",
                pair[0].relative(),
                pair[0].uri(),
                pair[1].uri()
            ))),
            None => Ok(()),
        }
    }
}
