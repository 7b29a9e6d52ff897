//! `fixbucket s3://BUCKET[/PREFIX]...`: renames objects with control characters in their names.

use super::context::Cx;
use crate::cli;
use crate::output::{Event, Failure, Outcome};
use crate::patterns::Filter;
use crate::transfer::copy::{Copier, CopyError};
use crate::transfer::local_walk::in_carets;
use crate::transfer::pool::{self, Verdict};
use crate::transfer::remote::{Found, Scope, find};
use crate::uri::{Location, S3Uri};
use futures::{StreamExt, stream};
use std::ffi::{OsStr, OsString};

/// Copies each object whose name holds control characters to the name that an upload would have given it, and deletes it
/// under the old one. The copy is compared with its source before, and never replaces another object.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uris = args.iter().map(|argument| uri(argument)).collect::<Outcome<Vec<_>>>()?;
    let mut odd = Vec::new();
    for uri in &uris {
        odd.extend(odd_names(cx, uri).await?);
    }
    if cx.settings.dry_run {
        for (from, to) in odd {
            let old = &shown(&from);
            cx.console.tell(&Event::Rename { from: &from, to: &to, dry_run: true, old })?;
        }
        return Ok(());
    }
    let copier = Copier::new(cx.client().clone(), cx.settings.clone(), cx.width());
    // One after the other: two names may become the same.
    let ledger =
        pool::in_order(1, cx.settings.stop_on_error, stream::iter(odd.into_iter().map(Ok)), |(from, to)| {
            rename(cx.clone(), copier.clone(), from, to)
        })
        .await?;
    if ledger.done > 0 {
        log::warn!("Fixed {} files' names.", ledger.done);
    }
    ledger.outcome()
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

/// The objects below a prefix that need another name, with it.
async fn odd_names(cx: &Cx, uri: &S3Uri) -> Outcome<Vec<(S3Uri, S3Uri)>> {
    let everything = Filter::default();
    let scope = Scope { recursive: true, filter: &everything, ..cx.scope() };
    let mut pages = find(cx.client(), uri, scope)?;
    let mut odd = Vec::new();
    while let Some(page) = pages.next().await {
        for found in page? {
            let Found::Chosen(item) = found else { continue };
            let (name, count) = in_carets(&item.key);
            if count > 0 {
                odd.push((item.uri(), uri.with_key(name)));
            }
        }
    }
    Ok(odd)
}

async fn rename(cx: Cx, copier: Copier, from: S3Uri, to: S3Uri) -> Outcome<Verdict> {
    let old = shown(&from);
    match cx.client().head_object(&to.bucket, &to.key).await {
        Ok(_) => {
            log::error!("File {old} was not renamed: '{to}' exists already");
            return Ok(Verdict::Failed);
        }
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    let renamed = match copier.copy(&from, &to, None).await {
        Ok(copied) => copier.delete_source(&from, &copied).await.map_err(CopyError::from),
        Err(error) => Err(error),
    };
    match renamed {
        // Why the old name is still there was said.
        Ok(false) => Ok(Verdict::Failed),
        Ok(true) => {
            cx.console.tell(&Event::Rename { from: &from, to: &to, dry_run: false, old: &old })?;
            Ok(Verdict::Done)
        }
        Err(error) => super::cp::failed(&from, error),
    }
}

/// A key in quotes with its control characters as escapes.
fn shown(uri: &S3Uri) -> String {
    cli::quoted(uri.key.as_ref())
}
