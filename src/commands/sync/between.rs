//! `sync` between two locations of a store.

use super::report::Report;
use super::{Uncopied, after_transfers, compare, listings, may_delete, outcome};
use crate::commands::shared::context::Context;
use crate::commands::shared::copies::depends_on_failed;
use crate::output::{CopyForm, Event, Exit, Failure, Outcome, Position, error_reason};
use crate::transfer::copy::{Copier, CopyError};
use crate::transfer::delete::delete_keys;
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::overlap::{Effects, Step, Turn, arrange, may_meet, turns};
use crate::transfer::plan::spool::Spool;
use crate::transfer::plan::{SortOrder, SortedSpool, Sorter};
use crate::transfer::remote::Listed;
use crate::transfer::sync::duplicates;
use crate::transfer::sync::name_rules::NameRules;
use crate::transfer::sync::plan::{Count, Plan as SyncPlan, Planning};
use crate::transfer::sync::removed::Removed;
use crate::transfer::sync::sources::{self, Area, Items, Listing, Tally};
use crate::transfer::sync::{Item, SyncOptions};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use s3cmd_client::list::ListOptions;
use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) async fn run(cx: &Context, options: &SyncOptions, uris: &[S3Uri], destination: S3Uri) -> Outcome {
    let (from, areas) = listings(uris);
    let target = target(cx, &from, &areas, destination).await?;
    let mut target_listings = Area::listings(&target.directory, &areas);
    if let Some(key) = &target.exact {
        target_listings = vec![Listing {
            bucket: target.directory.bucket.as_str().into(),
            prefix: key.clone(),
            relative: uris[0].basename().to_owned(),
            exact: true,
        }];
    }
    for uri in uris {
        log::info!("Retrieving list of remote files for {uri} ...");
    }
    log::info!("Retrieving list of remote files for {} ...", target.directory);
    let rules = Arc::new(NameRules::new(&cx.selection.filter, cx.shard(), &[]));
    let tally = Arc::new(Tally::default());
    let source = rules.clone().walked(sources::remote(cx.client(), from.clone(), &tally));
    // A source object is never deleted as superfluous, wherever it is.
    let overlaps = from
        .iter()
        .any(|listing| may_meet(&S3Uri::new(&*listing.bucket, listing.prefix.clone()), &target.directory));
    let existing = sources::remote(cx.client(), target_listings, &Arc::default());
    let existing = rules.walked(if overlaps { protect_sources(existing, from) } else { existing });
    // As s3cmd 2.4.0 does between two locations of a store, and only there.
    let planning = Planning { keeps_objects: true, ..Planning::of(&areas) };
    let (mut plan, _) = compare(cx, options, source, existing, &planning, None).await?;
    log::info!("Found {} source files, {} destination files", plan.source.files, plan.destination.files);
    log::info!("Verifying attributes...");
    let work = duplicates::find(&mut plan, None).await?.transfers;
    let (work, total) = Copies::new(work, &target, overlaps)?;
    let delete = may_delete(options, &mut plan, &tally)?;
    // As in s3cmd 2.4.0, the line counts what the source lacks, whether it is going to be deleted or not.
    let deletions = if delete || !cx.console.is_json() { plan.removed.len() } else { 0 };
    cx.console.print(&Event::SyncPlan { copies: total, deletions })?;
    if cx.settings.dry_run {
        return dry_run(cx, plan, work, &target, delete);
    }

    let mut report = Report::new(plan.source);
    let mut failed = 0;
    let mut removed = Some(std::mem::take(&mut plan.removed)).filter(|_| delete);
    let total_items = total + removed.as_ref().map_or(0, Removed::len);
    if let Some(removed) = removed.take_if(|_| !options.delete_after) {
        failed += delete_all(cx, removed, &target, &mut report).await?;
    }
    failed += copy_all(cx, work, &target, total, &mut report).await?;
    if let Some(removed) = after_transfers(options, removed, failed, &Uncopied::default())? {
        failed += delete_all(cx, removed, &target, &mut report).await?;
    }
    report.files(cx)?;
    outcome(failed, total_items)
}

/// Marks the destination's objects that are also sources, which are never deleted.
fn protect_sources(existing: Items, sources: Vec<Listing>) -> Items {
    let is_source = move |item: &Item| {
        let uri = item.uri();
        sources.iter().any(|listing| {
            *listing.bucket == *uri.bucket
                && if listing.exact {
                    uri.key == listing.prefix
                } else {
                    uri.key.starts_with(&listing.prefix)
                }
        })
    };
    let marked = existing.map_ok(move |mut item| {
        item.guarded |= is_source(&item);
        item
    });
    marked.boxed()
}

/// The copies of a run, in order.
enum Copies {
    AsPlanned(Spool<Item>),
    /// Reordered, because some overwrite what others have to read first.
    Arranged(SortedSpool<Step<Item>>),
}

impl Copies {
    /// Orders the copies if sources and destinations may overlap. Also returns their number.
    fn new(work: Spool<Item>, target: &Target, overlaps: bool) -> Outcome<(Self, u64)> {
        let total = work.len();
        if !overlaps {
            return Ok((Copies::AsPlanned(work), total));
        }
        let mut plan = Sorter::new(AS_ADDED);
        for item in work.into_records()? {
            plan.push(item?)?;
        }
        let plan = plan.finish()?;
        let copies = match arrange(|| plan.iter(), effects(target))? {
            Some(arranged) => Copies::Arranged(arranged),
            None => {
                let mut work = Spool::default();
                plan.iter().try_for_each(|item| work.push(&item?).map(drop))?;
                Copies::AsPlanned(work)
            }
        };
        Ok((copies, total))
    }

    fn items(self) -> Outcome<Box<dyn Iterator<Item = std::io::Result<Item>>>> {
        Ok(match self {
            Copies::AsPlanned(work) => Box::new(work.into_records()?),
            Copies::Arranged(steps) => Box::new(steps.iter().map(|step| Ok(step?.item))),
        })
    }
}

/// Keeps all items in the order in which they were added.
const AS_ADDED: SortOrder<Item> = SortOrder { order: |_, _| Ordering::Equal, same: |_, _| false };

fn effects(
    target: &Target,
) -> Effects<impl Fn(&Item) -> S3Uri + Send + use<>, impl Fn(&Item) -> S3Uri + Send + use<>> {
    let target = target.clone();
    Effects { reads: Item::uri, writes: move |item: &Item| target.uri(&item.relative), moves: false }
}

/// How names become keys: below a directory, or, for a single object, exactly this key.
#[derive(Clone, Debug)]
struct Target {
    directory: S3Uri,
    exact: Option<String>,
}

impl Target {
    fn uri(&self, relative: &str) -> S3Uri {
        match &self.exact {
            Some(key) => self.directory.with_key(key.clone()),
            None => self.directory.with_key(format!("{}{relative}", self.directory.key)),
        }
    }
}

/// A destination without a trailing slash is the name of the copy if the source is one object, and a directory
/// otherwise. s3cmd 2.4.0 puts no slash between them and writes concatenated names.
async fn target(cx: &Context, from: &[Listing], areas: &[Area], destination: S3Uri) -> Outcome<Target> {
    if destination.key.is_empty() || destination.key.ends_with('/') {
        return Ok(Target { directory: destination, exact: None });
    }
    if let ([Area::Either(_)], [object, below]) = (areas, from) {
        let options = |listing: &Listing| ListOptions::new(&listing.prefix).with_page_size(1);
        let (object_options, below_options) = (options(object), options(below));
        let pages = futures::try_join!(
            cx.client().list_page(&object.bucket, &object_options, None),
            cx.client().list_page(&below.bucket, &below_options, None),
        )?;
        let is_object = pages.0.entries().next().is_some_and(|first| first.key == object.prefix);
        if is_object && pages.1.entries().next().is_none() {
            let exact = Some(destination.key.clone());
            return Ok(Target { directory: destination, exact });
        }
    }
    let directory = destination.with_key(format!("{}/", destination.key));
    Ok(Target { directory, exact: None })
}

fn dry_run(cx: &Context, plan: SyncPlan, work: Copies, target: &Target, delete: bool) -> Outcome {
    for name in plan.excluded.into_records()? {
        cx.console.stream(&Event::Exclude { name: &name? })?;
    }
    if delete {
        for item in plan.removed.into_items()? {
            let uri = item?.uri();
            cx.console.stream(&Event::deletion(&uri.bucket, &uri.key, None, true))?;
        }
    }
    for item in work.items()? {
        let item = item?;
        cx.console.stream(&event(&item.uri(), &target.uri(&item.relative), None))?;
    }
    cx.console.flush()?;
    log::warn!("Exiting now because of --dry-run");
    Ok(())
}

/// The event for an object. Without a position it is the event of a dry run.
fn event<'a>(from: &'a S3Uri, to: &'a S3Uri, position: Option<Position>) -> Event<'a> {
    Event::Copy { from, to, position, dry_run: position.is_none(), form: CopyForm::RemoteCopy }
}

async fn delete_all(cx: &Context, removed: Removed, target: &Target, report: &mut Report) -> Outcome<u64> {
    let keys = removed.into_items()?.map(|item| Ok(item.map(|item| item.uri().key)?));
    let bucket = &target.directory.bucket;
    let summary =
        delete_keys(cx.client(), &cx.console, bucket, futures::stream::iter(keys), cx.delete_options())
            .await?;
    report.deleted += summary.done;
    Ok(summary.failed)
}

async fn copy_all(
    cx: &Context,
    work: Copies,
    target: &Target,
    total: u64,
    report: &mut Report,
) -> Outcome<u64> {
    let copied = Arc::new(Mutex::new(Count::default()));
    let copier = cx.copier();
    let (arranged, work) = match work {
        Copies::Arranged(steps) => (Some(steps), Spool::default()),
        Copies::AsPlanned(work) => (None, work),
    };
    let items = work.into_records()?.zip(0..).map(|(item, index)| Ok((index, item?)));
    let turns = turns(arranged, futures::stream::iter(items), effects(target));
    let stop = cx.settings.stop_on_error;
    let summary = ordered_tasks::in_order_when(cx.width(), stop, turns, Turn::ready, |turn| {
        let (cx, copier, copied) = (cx.clone(), copier.clone(), copied.clone());
        async move {
            let item_result = copy(&cx, &copier, &turn, Position::at(turn.index, total)).await?;
            if item_result == ItemResult::Done {
                copied.lock().unwrap_or_else(PoisonError::into_inner).add(turn.step.item.size);
                turn.done();
            }
            Ok(item_result)
        }
    })
    .await?;
    if stop && summary.failed + summary.missing > 0 {
        return Err(Failure::new(Exit::PARTIAL, "Exiting now because of --stop-on-error"));
    }
    report.copied = *copied.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(summary.failed + summary.missing)
}

async fn copy(cx: &Context, copier: &Copier, turn: &Turn<Item>, position: Position) -> Outcome<ItemResult> {
    let (item, from, to) = (&turn.step.item, &turn.from, &turn.to);
    if let Some(lost) = turn.object_at_risk() {
        return Ok(depends_on_failed(from, lost));
    }
    let listed = Listed { size: item.size, etag: item.etag().to_owned() };
    match copier.copy(from, to, Some(&listed)).await {
        Ok(_) => {
            cx.console.print(&event(from, to, Some(position)))?;
            Ok(ItemResult::Done)
        }
        Err(CopyError::Missing) => missing(cx, from, to).await,
        Err(CopyError::Failed(error)) if error.concerns_all_requests() => Err(error.into()),
        Err(CopyError::Failed(error)) => {
            log::error!("Copy failed for: '{from}' ({})", error_reason(&error));
            Ok(ItemResult::Failed)
        }
    }
}

/// The object was just listed: either it was deleted since, or the destination's bucket is missing, which ends the run.
async fn missing(cx: &Context, from: &S3Uri, to: &S3Uri) -> Outcome<ItemResult> {
    cx.client().list_page(&to.bucket, &Default::default(), None).await?;
    log::warn!("Key not found {from}");
    Ok(ItemResult::Missing)
}
