//! `ls [s3://BUCKET[/PREFIX]...]`: lists buckets, or the objects of a bucket.

use crate::commands::shared::stored_md5::stored_md5;
use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::each;
use crate::commands::shared::names::Names;
use crate::commands::shared::versions;
use crate::output::{Columns, Event, Failure, Outcome};
use crate::s3::list::{ListOptions, ListPage, ObjectRef};
use crate::uri::S3Uri;
use futures::{FutureExt, StreamExt, TryStreamExt};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Seek, Write};
use tempfile::SpooledTempFile;

/// Lists the objects and common prefixes under each argument, in order; all buckets where there is none, or where it names
/// none.
///
/// `--recursive` lists every key, `--limit` stops after a number of entries of each argument.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let uris = s3_uris(args)?;
    if uris.is_empty() {
        return list_buckets(cx).await;
    }
    each(
        cx,
        &uris,
        async |uri| {
            if uri.bucket.is_empty() { list_buckets(cx).await } else { list_objects(cx, uri).await }
        },
    )
    .await
}

async fn list_buckets(cx: &Context) -> Outcome {
    let mut buckets = cx.client().list_buckets().await?;
    buckets.sort_by(|a, b| a.name.cmp(&b.name));
    for bucket in buckets {
        cx.console.stream(&Event::Bucket { bucket: &bucket.name, created: &bucket.created })?;
    }
    cx.console.flush()
}

/// Lists a bucket, or what is under a prefix of it, or what a wildcard means. Prefixes print before objects, over all pages.
pub(crate) async fn list_objects(cx: &Context, uri: &S3Uri) -> Outcome {
    let settings = &cx.settings;
    let names = Names::new(cx, &uri.key, settings.recursive);
    if settings.all_versions {
        return versions::list(cx, uri, &names, columns(cx)).await;
    }
    let client = cx.client();
    let mut options = ListOptions {
        prefix: names.prefix().to_owned(),
        delimiter: if names.is_deep() { String::new() } else { "/".to_owned() },
        unordered: settings.list_allow_unordered,
        width: cx.width(),
        ..ListOptions::default()
    };
    let mut listing = Listing::new(cx, uri, &names);
    let mut truncated = false;
    match u64::try_from(settings.limit) {
        Err(_) => {
            let mut pages = client.list_pages(&uri.bucket, options).boxed();
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
            listing.left = Some(limit);
            let mut token = None::<String>;
            loop {
                // What is left out does not count: then a page may hold more than is shown of it.
                let left = listing.left.unwrap_or(0).min(1000) as u32;
                options.page_size = Some(if names.are_all() { left } else { 1000 });
                let page = client.list_page(&uri.bucket, &options, token.as_deref()).await;
                let page = page.map_err(Failure::about_bucket)?;
                listing.page(&page).await?;
                token = page.next().map(str::to_owned);
                truncated = (token.is_some() || listing.has_more) && limit > 0;
                if token.is_none() || listing.left == Some(0) {
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
    cx: &'a Context,
    uri: &'a S3Uri,
    names: &'a Names<'a>,
    columns: Columns,
    /// Entries that may still be shown; `None`: all.
    left: Option<u64>,
    /// Whether one was not shown because of that.
    has_more: bool,
    /// The directory that was shown last, of those that a wildcard over several levels means.
    directory: String,
    /// Lines of objects that have to wait for the prefixes of later pages; `None` in a recursive listing, which has none.
    held: Option<SpooledTempFile>,
    text: String,
}

impl<'a> Listing<'a> {
    fn new(cx: &'a Context, uri: &'a S3Uri, names: &'a Names<'a>) -> Self {
        let held = (!cx.settings.recursive).then(|| SpooledTempFile::new(HELD_IN_MEMORY));
        let (columns, directory, text) = (columns(cx), String::new(), String::new());
        Self { cx, uri, names, columns, left: None, has_more: false, directory, held, text }
    }

    /// Whether one more entry may be shown.
    fn counts(&mut self) -> bool {
        match &mut self.left {
            Some(0) => {
                self.has_more = true;
                false
            }
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }

    fn prefix(&mut self, prefix: &str) {
        if self.counts() {
            let (bucket, columns) = (self.uri.bucket.as_str(), self.columns);
            self.cx.console.render(&mut self.text, &Event::Prefix { bucket, prefix, columns });
        }
    }

    /// The objects of a page that are meant. A directory that a wildcard over several levels means stands for what is
    /// below it.
    fn meant<'p>(&mut self, page: &'p ListPage) -> Vec<ObjectRef<'p>> {
        let names = self.names;
        let has_directories = names.is_deep() && !self.cx.settings.recursive;
        let mut meant = Vec::new();
        for object in page.entries() {
            let directory = if has_directories { names.directory(object.key) } else { None };
            match directory {
                Some(directory) if directory == self.directory || !names.take_prefix(directory) => {}
                Some(directory) => {
                    directory.clone_into(&mut self.directory);
                    self.prefix(directory);
                }
                None => {
                    if names.take(object.key) && self.counts() {
                        meant.push(object);
                    }
                }
            }
        }
        meant
    }

    /// Prints a page's prefixes; its objects too where the listing is recursive, else they are held.
    async fn page(&mut self, page: &ListPage) -> Outcome {
        let (cx, uri, columns) = (self.cx, self.uri, self.columns);
        for prefix in page.prefixes().filter(|prefix| self.names.take_prefix(prefix)) {
            self.prefix(prefix);
        }
        let meant = self.meant(page);
        cx.console.block(&self.text)?;
        self.text.clear();
        let needs_head = cx.settings.list_md5 && meant.iter().any(|object| object.etag.contains('-'));
        if needs_head {
            let mut sums = futures::stream::iter(meant.iter().copied())
                .map(|object| content_md5(cx, &uri.bucket, object))
                .buffered(cx.width());
            for object in &meant {
                if let Some(md5) = sums.try_next().await? {
                    cx.console.render(&mut self.text, &event(uri, *object, md5.as_deref(), columns));
                }
            }
        } else {
            for object in meant {
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
async fn content_md5(cx: &Context, bucket: &str, object: ObjectRef<'_>) -> Outcome<Option<String>> {
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

fn columns(cx: &Context) -> Columns {
    let settings = &cx.settings;
    Columns { human: settings.human_readable_sizes, md5: settings.list_md5, long: settings.long_listing }
}

fn event<'a>(uri: &'a S3Uri, object: ObjectRef<'a>, md5: Option<&'a str>, columns: Columns) -> Event<'a> {
    let ObjectRef { key, size, etag, modified, storage_class } = object;
    let storage_class = if storage_class.is_empty() { "STANDARD" } else { storage_class };
    Event::Object { bucket: &uri.bucket, key, size, modified, etag, md5, storage_class, columns }
}
