//! `ls [s3://BUCKET[/PREFIX]]`: lists buckets, or the objects of a bucket.

use super::context::Cx;
use super::info::stored_md5;
use super::versions;
use crate::output::{Columns, Event, Failure, Outcome};
use crate::s3::list::{Entry, ListOptions, Sheet};
use crate::shard::Shard;
use crate::uri::{Location, S3Uri};
use futures::{FutureExt, StreamExt, TryStreamExt};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Seek, Write};
use tempfile::SpooledTempFile;

/// Lists the objects and common prefixes under the first argument, or all buckets where it names none.
///
/// Further arguments are ignored, as in s3cmd. `--recursive` lists every key, `--limit` stops after a number of entries.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    match args.first().map(|arg| Location::parse(arg)) {
        Some(Location::S3(uri)) if !uri.bucket.is_empty() => list_objects(cx, &uri).await,
        _ => list_buckets(cx).await,
    }
}

async fn list_buckets(cx: &Cx) -> Outcome {
    let mut buckets = cx.client().list_buckets().await?;
    buckets.sort_by(|a, b| a.name.cmp(&b.name));
    for bucket in buckets {
        cx.console.stream(&Event::Bucket { bucket: &bucket.name, created: &bucket.created })?;
    }
    cx.console.flush()
}

/// Lists a bucket, or what is under a prefix of it; a trailing `*` of the prefix is dropped. Prefixes print before
/// objects, over all pages.
pub(crate) async fn list_objects(cx: &Cx, uri: &S3Uri) -> Outcome {
    let settings = &cx.settings;
    if settings.all_versions {
        return versions::list(cx, uri, columns(cx)).await;
    }
    let client = cx.client();
    let mut options = ListOptions {
        prefix: uri.key.strip_suffix('*').unwrap_or(&uri.key).to_owned(),
        delimiter: if settings.recursive { String::new() } else { "/".to_owned() },
        unordered: settings.list_allow_unordered,
        width: cx.width(),
        ..ListOptions::default()
    };
    let mut listing = Listing::new(cx, uri);
    let mut truncated = false;
    match u32::try_from(settings.limit) {
        Err(_) => {
            let mut pages = client.list_sheets(&uri.bucket, options).boxed();
            loop {
                let next = match pages.next().now_or_never() {
                    Some(next) => next,
                    None => {
                        // Whoever reads along sees all that is known while the next page is on its way.
                        cx.console.flush()?;
                        pages.next().await
                    }
                };
                let Some(page) = next else { break };
                listing.page(&page.map_err(Failure::about_bucket)?).await?;
            }
        }
        Ok(limit) => {
            let (mut left, mut token) = (limit, None::<String>);
            loop {
                options.page_size = Some(left.min(1000));
                let page = client.list_sheet(&uri.bucket, &options, token.as_deref()).await;
                let page = page.map_err(Failure::about_bucket)?;
                let entries = page.prefixes().len() + page.len();
                left = left.saturating_sub(u32::try_from(entries).unwrap_or(u32::MAX));
                listing.page(&page).await?;
                token = page.next().map(str::to_owned);
                truncated = token.is_some() && limit > 0;
                if token.is_none() || left == 0 {
                    break;
                }
            }
        }
    }
    listing.end()?;
    if truncated {
        log::warn!("The list is truncated because the settings limit was reached.");
    }
    Ok(())
}

/// Bytes of lines that wait in memory for the prefixes of later pages; more wait in a temporary file.
const HELD_IN_MEMORY: usize = 1 << 20;

/// The lines of a listing on their way out.
struct Listing<'a> {
    cx: &'a Cx,
    uri: &'a S3Uri,
    columns: Columns,
    /// The share of a deep listing, with where relative names begin.
    shard: Option<(Shard, usize)>,
    /// Lines of objects that have to wait for the prefixes of later pages; `None` in a deep listing, which has none.
    held: Option<SpooledTempFile>,
    text: String,
}

impl<'a> Listing<'a> {
    fn new(cx: &'a Cx, uri: &'a S3Uri) -> Self {
        let held = (!cx.settings.recursive).then(|| SpooledTempFile::new(HELD_IN_MEMORY));
        let relative = uri.key.rfind('/').map_or(0, |slash| slash + 1);
        let shard = cx.shard().filter(|_| cx.settings.recursive).map(|shard| (shard, relative));
        Self { cx, uri, columns: columns(cx), shard, held, text: String::new() }
    }

    /// Prints a page's prefixes; its objects too where the listing is deep, else they are held.
    async fn page(&mut self, page: &Sheet) -> Outcome {
        let (cx, uri, columns) = (self.cx, self.uri, self.columns);
        for prefix in page.prefixes() {
            cx.console.render(&mut self.text, &Event::Prefix { bucket: &uri.bucket, prefix, columns });
        }
        cx.console.block(&self.text)?;
        self.text.clear();
        let shard = self.shard;
        let is_meant =
            |object: &Entry<'_>| shard.is_none_or(|(shard, from)| shard.takes(&object.key[from..]));
        let meant = || page.entries().filter(is_meant);
        let needs_head = cx.settings.list_md5 && meant().any(|object| object.etag.contains('-'));
        if needs_head {
            let mut sums = futures::stream::iter(meant())
                .map(|object| content_md5(cx, &uri.bucket, object))
                .buffered(cx.width());
            for object in meant() {
                if let Some(md5) = sums.try_next().await? {
                    cx.console.render(&mut self.text, &event(uri, object, md5.as_deref(), columns));
                }
            }
        } else {
            for object in meant() {
                let md5 = Some(object.etag).filter(|_| columns.md5);
                cx.console.render(&mut self.text, &event(uri, object, md5, columns));
            }
        }
        match &mut self.held {
            Some(held) => held.write_all(self.text.as_bytes())?,
            None => cx.console.block(&self.text)?,
        }
        self.text.clear();
        Ok(())
    }

    /// Prints what was held.
    fn end(self) -> Outcome {
        if let Some(mut held) = self.held {
            held.rewind()?;
            let (mut lines, mut line) = (BufReader::with_capacity(64 << 10, held), Vec::new());
            while lines.read_until(b'\n', &mut line)? > 0 {
                self.cx.console.block(&String::from_utf8_lossy(&line))?;
                line.clear();
            }
        }
        self.cx.console.flush()
    }
}

/// The MD5 of an object whose ETag is none, from its stored attributes; else the ETag if it is one.
async fn content_md5(cx: &Cx, bucket: &str, object: Entry<'_>) -> Outcome<Option<String>> {
    if !object.etag.contains('-') {
        return Ok(Some(object.etag.to_owned()));
    }
    match cx.client().head_object(bucket, object.key).await {
        Ok(head) => Ok(stored_md5(&head)),
        // It was deleted since it was listed.
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(Failure::about_bucket(error)),
    }
}

fn columns(cx: &Cx) -> Columns {
    let settings = &cx.settings;
    Columns { human: settings.human_readable_sizes, md5: settings.list_md5, long: settings.long_listing }
}

fn event<'a>(uri: &'a S3Uri, object: Entry<'a>, md5: Option<&'a str>, columns: Columns) -> Event<'a> {
    let Entry { key, size, etag, modified, storage_class } = object;
    let storage_class = if storage_class.is_empty() { "STANDARD" } else { storage_class };
    Event::Object { bucket: &uri.bucket, key, size, modified, etag, md5, storage_class, columns }
}
