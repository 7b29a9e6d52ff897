//! How `ls` and `la` list objects.

use crate::commands::shared::context::Context;
use crate::commands::shared::names::NameFilter;
use crate::commands::shared::stored_md5::stored_md5;
use crate::commands::shared::versions;
use crate::output::{Columns, Event, Failure, Outcome};
use crate::uri::S3Uri;
use futures::{FutureExt, StreamExt, TryStreamExt};
use s3cmd_client::list::{ListOptions, ListPage, ObjectRef};
use std::io::{BufRead, BufReader, Seek, Write};
use tempfile::SpooledTempFile;

/// Lists a bucket, the entries under a prefix, or the keys that match a wildcard. Prefixes are printed before objects,
/// over all pages.
pub(crate) async fn list_objects(cx: &Context, uri: &S3Uri) -> Outcome {
    let settings = &cx.settings;
    let names = NameFilter::new(cx, &uri.key, settings.recursive);
    if settings.all_versions {
        return versions::list(cx, uri, &names, columns(cx)).await;
    }
    let client = cx.client();
    let delimiter = if names.needs_recursion() { "" } else { "/" };
    let mut options = ListOptions::new(names.prefix())
        .with_delimiter(delimiter)
        .with_unordered(settings.list_allow_unordered)
        .with_width(cx.width());
    let mut listing = Listing::new(cx, uri, &names);
    let mut truncated = false;
    match settings.limit() {
        None => {
            let mut pages = client.list_pages(&uri.bucket, options).boxed();
            loop {
                let next = match pages.next().now_or_never() {
                    Some(next) => next,
                    None => {
                        // Show everything received so far while the next page is requested.
                        cx.console.flush()?;
                        pages.next().await
                    }
                };
                let Some(page) = next else { break };
                listing.page(&page.map_err(Failure::about_bucket)?).await?;
            }
        }
        Some(limit) => {
            listing.remaining = Some(limit);
            let mut token = None::<String>;
            loop {
                // Filtered entries do not count, so with a filter a page may hold more entries than are shown.
                let page_size = listing.remaining.unwrap_or(0).min(1000) as u32;
                options.page_size = Some(if names.selects_everything() { page_size } else { 1000 });
                let page = client.list_page(&uri.bucket, &options, token.as_deref()).await;
                let page = page.map_err(Failure::about_bucket)?;
                listing.page(&page).await?;
                token = page.next().map(str::to_owned);
                truncated = (token.is_some() || listing.has_more) && limit > 0;
                if token.is_none() || listing.remaining == Some(0) {
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

/// Bytes of lines that are held in memory until all prefixes are printed; more go to a temporary file.
const HELD_IN_MEMORY: usize = 1 << 20;

/// Prints the lines of a listing.
struct Listing<'a> {
    cx: &'a Context,
    uri: &'a S3Uri,
    names: &'a NameFilter<'a>,
    columns: Columns,
    /// Entries that may still be printed; `None` if there is no limit.
    remaining: Option<u64>,
    /// Whether the limit left out an entry.
    has_more: bool,
    /// The last directory printed, if the wildcard spans several levels.
    directory: String,
    /// Lines of objects, held until the prefixes of all pages are printed; `None` in a recursive listing, which has no
    /// prefixes.
    held: Option<SpooledTempFile>,
    text: String,
}

impl<'a> Listing<'a> {
    fn new(cx: &'a Context, uri: &'a S3Uri, names: &'a NameFilter<'a>) -> Self {
        let held = (!cx.settings.recursive).then(|| SpooledTempFile::new(HELD_IN_MEMORY));
        let (columns, directory, text) = (columns(cx), String::new(), String::new());
        Self { cx, uri, names, columns, remaining: None, has_more: false, directory, held, text }
    }

    /// Counts an entry. Returns whether it may be printed.
    fn count(&mut self) -> bool {
        match &mut self.remaining {
            Some(0) => {
                self.has_more = true;
                false
            }
            Some(remaining) => {
                *remaining -= 1;
                true
            }
            None => true,
        }
    }

    fn prefix(&mut self, prefix: &str) {
        if self.count() {
            let (bucket, columns) = (self.uri.bucket.as_str(), self.columns);
            self.cx.console.render(&mut self.text, &Event::Prefix { bucket, prefix, columns });
        }
    }

    /// The selected objects of a page. A directory that matches a wildcard over several levels replaces the objects
    /// below it and is printed at once.
    fn select_objects<'p>(&mut self, page: &'p ListPage) -> Vec<ObjectRef<'p>> {
        let names = self.names;
        let has_directories = names.needs_recursion() && !self.cx.settings.recursive;
        let mut selected = Vec::new();
        for object in page.entries() {
            let directory = if has_directories { names.directory(object.key) } else { None };
            match directory {
                Some(directory) if directory == self.directory || !names.selects_prefix(directory) => {}
                Some(directory) => {
                    directory.clone_into(&mut self.directory);
                    self.prefix(directory);
                }
                None => {
                    if names.selects(object.key) && self.count() {
                        selected.push(object);
                    }
                }
            }
        }
        selected
    }

    /// Prints a page's prefixes, and its objects if the listing is recursive; else holds them.
    async fn page(&mut self, page: &ListPage) -> Outcome {
        let (cx, uri, columns) = (self.cx, self.uri, self.columns);
        for prefix in page.prefixes().filter(|prefix| self.names.selects_prefix(prefix)) {
            self.prefix(prefix);
        }
        let selected = self.select_objects(page);
        cx.console.print_lines(&self.text)?;
        self.text.clear();
        let needs_head = cx.settings.list_md5 && selected.iter().any(|object| object.etag.contains('-'));
        if needs_head {
            let mut sums = futures::stream::iter(selected.iter().copied())
                .map(|object| content_md5(cx, &uri.bucket, object))
                .buffered(cx.width());
            for object in &selected {
                if let Some(md5) = sums.try_next().await? {
                    cx.console.render(&mut self.text, &event(uri, *object, md5.as_deref(), columns));
                }
            }
        } else {
            for object in selected {
                let md5 = Some(object.etag).filter(|_| columns.md5);
                cx.console.render(&mut self.text, &event(uri, object, md5, columns));
            }
        }
        match &mut self.held {
            Some(held) => held.write_all(self.text.as_bytes())?,
            None => cx.console.print_lines(&self.text)?,
        }
        self.text.clear();
        Ok(())
    }

    /// Prints the held lines.
    fn end(self) -> Outcome {
        if let Some(mut held) = self.held {
            held.rewind()?;
            let (mut lines, mut line) = (BufReader::with_capacity(64 << 10, held), Vec::new());
            while lines.read_until(b'\n', &mut line)? > 0 {
                self.cx.console.print_lines(&String::from_utf8_lossy(&line))?;
                line.clear();
            }
        }
        self.cx.console.flush()
    }
}

/// The MD5 of an object's content: its ETag unless that is composite, else the MD5 in its stored attributes.
async fn content_md5(cx: &Context, bucket: &str, object: ObjectRef<'_>) -> Outcome<Option<String>> {
    if !object.etag.contains('-') {
        return Ok(Some(object.etag.to_owned()));
    }
    match cx.client().head_object(bucket, object.key).await {
        Ok(head) => Ok(stored_md5(&head)),
        // The object was deleted after it was listed.
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
