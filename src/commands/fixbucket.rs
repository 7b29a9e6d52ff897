//! `fixbucket s3://BUCKET[/PREFIX]...`: renames objects with control characters in their names.

use crate::cli;
use crate::commands::shared::context::Context;
use crate::commands::shared::copies::{failed, not_deleted};
use crate::output::{Event, Failure, Outcome};
use crate::patterns::Filter;
use crate::transfer::copy::Copier;
use crate::transfer::local::walk::in_carets;
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::plan::record::{Fields, Record, put_bytes};
use crate::transfer::plan::{SortOrder, Sorter};
use crate::transfer::remote::{Found, Scope, find};
use crate::uri::{Location, S3Uri};
use futures::{StreamExt, stream};
use std::ffi::{OsStr, OsString};

/// Copies each object whose name contains control characters to the name that an upload would have given it, and
/// deletes the original. The copy is compared with its source before that, and never replaces another object.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let uris = args.iter().map(|argument| uri(argument)).collect::<Outcome<Vec<_>>>()?;
    // Prefixes may overlap: each object is renamed once.
    let mut renames = Sorter::new(SortOrder { order: Rename::cmp, same: Rename::eq });
    for uri in &uris {
        find_renames(cx, uri, &mut renames).await?;
    }
    let renames = renames.finish()?;
    let total = renames.len();
    let renames = renames.iter().map(|rename| Outcome::Ok(Rename::uris(rename?)));
    if cx.settings.dry_run {
        for rename in renames {
            let (from, to) = rename?;
            let old = &quoted_key(&from);
            cx.console.print(&Event::Rename { from: &from, to: &to, dry_run: true, old })?;
        }
        return Ok(());
    }
    let copier = cx.copier();
    // Sequentially, because two names may become the same.
    let summary =
        ordered_tasks::in_order(1, cx.settings.stop_on_error, stream::iter(renames), |(from, to)| {
            rename(cx.clone(), copier.clone(), from, to, total)
        })
        .await?;
    if summary.done > 0 {
        log::warn!("Fixed {} files' names.", summary.done);
    }
    summary.outcome()
}

fn uri(argument: &OsStr) -> Outcome<S3Uri> {
    match Location::parse(argument) {
        Location::S3(uri) if !uri.bucket.is_empty() => Ok(uri),
        _ => {
            let typed = argument.to_string_lossy();
            Err(Failure::parameter(format!("Expecting S3Uri instead of: {typed}")))
        }
    }
}

/// An object that needs another name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rename {
    bucket: String,
    key: String,
    name: String,
}

impl Rename {
    /// The current and the new URI of the object.
    fn uris(self) -> (S3Uri, S3Uri) {
        (S3Uri::new(self.bucket.clone(), self.key), S3Uri::new(self.bucket, self.name))
    }
}

impl Record for Rename {
    fn write(&self, out: &mut Vec<u8>) {
        for text in [&self.bucket, &self.key, &self.name] {
            put_bytes(out, text.as_bytes());
        }
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut text = || fields.text().map(str::to_owned);
        Some(Self { bucket: text()?, key: text()?, name: text()? })
    }
}

/// Adds the objects below a prefix that need another name.
async fn find_renames(cx: &Context, uri: &S3Uri, renames: &mut Sorter<Rename>) -> Outcome {
    let everything = Filter::default();
    let scope = Scope { recursive: true, filter: &everything, ..cx.scope() };
    let mut pages = find(cx.client(), uri, scope)?;
    while let Some(page) = pages.next().await {
        for found in page? {
            let Found::Chosen(item) = found else { continue };
            let (name, count) = in_carets(&item.key);
            if count > 0 {
                renames.push(Rename { bucket: uri.bucket.clone(), key: item.key, name })?;
            }
        }
    }
    Ok(())
}

async fn rename(cx: Context, copier: Copier, from: S3Uri, to: S3Uri, total: u64) -> Outcome<ItemResult> {
    let old = quoted_key(&from);
    match cx.client().head_object(&to.bucket, &to.key).await {
        Ok(_) => {
            log::error!("File {old} was not renamed: '{to}' exists already");
            return Ok(ItemResult::Failed);
        }
        Err(error) if error.is_not_found() => {}
        Err(error) => return failed(&from, error.into(), total),
    }
    let copied = match copier.copy(&from, &to, None).await {
        Ok(copied) => copied,
        Err(error) => return failed(&from, error, total),
    };
    match copier.delete_source(&from, &copied).await {
        Ok(true) => {}
        // The reason was already logged.
        Ok(false) => return Ok(ItemResult::Failed),
        Err(error) => return not_deleted(&from, &to, error, total),
    }
    cx.console.print(&Event::Rename { from: &from, to: &to, dry_run: false, old: &old })?;
    Ok(ItemResult::Done)
}

/// The key in quotes, with its control characters escaped.
fn quoted_key(uri: &S3Uri) -> String {
    cli::quoted(uri.key.as_ref())
}
