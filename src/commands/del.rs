//! `del` and `rm`: delete objects.

use super::context::{Cx, s3_uris};
use crate::output::{Failure, Outcome};
use crate::transfer::delete::delete_keys;
use crate::transfer::pool::{self, Ledger, Verdict};
use crate::transfer::remote::{self, Selection};
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Deletes the named objects one by one, or with `-r` everything below the prefixes in batches, and prints a line for
/// each. A key that is not there is deleted as well, as S3 has it.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uris = s3_uris(args)?;
    let settings = &cx.settings;
    for uri in &uris {
        if uri.has_key() {
            continue;
        }
        if !settings.recursive {
            return Err(Failure::parameter(
                "File name required, not only the bucket name. Alternatively use --recursive",
            ));
        }
        if !settings.force {
            let typed = args.iter().find(|arg| arg.to_str().and_then(S3Uri::parse).as_ref() == Some(uri));
            let shown = typed.map_or_else(|| uri.to_string(), |arg| arg.to_string_lossy().into_owned());
            return Err(Failure::parameter(format!("Please use --force to delete ALL contents of {shown}")));
        }
    }
    if settings.recursive { whole_prefixes(cx, &uris).await } else { one_by_one(cx, &uris).await }
}

async fn one_by_one(cx: &Cx, uris: &[S3Uri]) -> Outcome {
    let settings = &cx.settings;
    let selection = remote::select(cx.client(), uris, false, &settings.filter).await?;
    if exceeds_limit(cx, selection.items.len()) {
        return Ok(());
    }
    if settings.dry_run {
        show_excluded(cx, &selection)?;
        for item in &selection.items {
            cx.console.stream(format!("delete: {}", item.uri()))?;
        }
        cx.console.flush()?;
        log::warn!("Exiting now because of --dry-run");
        return Ok(());
    }
    let plan = selection.items.into_iter().map(Ok);
    let ledger = pool::in_order(cx.width(), settings.stop_on_error, futures::stream::iter(plan), |item| {
        let cx = cx.clone();
        async move {
            cx.client().delete_object(&item.bucket, &item.key).await?;
            cx.console.line(format!("delete: '{}'", item.uri()))?;
            Ok(Verdict::Done)
        }
    })
    .await?;
    ledger.outcome()
}

async fn whole_prefixes(cx: &Cx, uris: &[S3Uri]) -> Outcome {
    let settings = &cx.settings;
    let mut selection = remote::select(cx.client(), uris, true, &settings.filter).await?;
    // Prefixes may overlap; a key is deleted, and spoken of, once.
    selection.items.sort_by(|a, b| (&a.bucket, &a.key).cmp(&(&b.bucket, &b.key)));
    selection.items.dedup_by(|a, b| (&a.bucket, &a.key) == (&b.bucket, &b.key));
    if exceeds_limit(cx, selection.items.len()) {
        return Ok(());
    }
    if selection.items.is_empty() {
        log::warn!("Remote list is empty.");
    }
    if settings.dry_run {
        show_excluded(cx, &selection)?;
    }
    let mut ledger = Ledger::default();
    // Batches are of one bucket each.
    let mut rest = selection.items.into_iter().peekable();
    while let Some(first) = rest.peek() {
        let bucket = first.bucket.clone();
        let mut keys = Vec::new();
        while let Some(item) = rest.next_if(|item| item.bucket == bucket) {
            keys.push(Ok(item.key));
        }
        let keys = futures::stream::iter(keys);
        let ended = delete_keys(cx.client(), &cx.console, &bucket, keys, settings.dry_run).await?;
        ledger.done += ended.done;
        ledger.failed += ended.failed;
    }
    ledger.outcome()
}

fn show_excluded(cx: &Cx, selection: &Selection) -> Outcome {
    selection.excluded.iter().try_for_each(|name| cx.console.stream(format!("exclude: {name}")))
}

fn exceeds_limit(cx: &Cx, count: usize) -> bool {
    let exceeds = usize::try_from(cx.settings.max_delete).is_ok_and(|most| count > most);
    if exceeds {
        log::warn!("delete: maximum requested number of deletes would be exceeded, none performed.");
    }
    exceeds
}
