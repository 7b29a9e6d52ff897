//! `ls [s3://BUCKET[/PREFIX]]`: lists buckets, or the objects of a bucket.

use super::context::Cx;
use super::info::stored_md5;
use crate::output::{Failure, Outcome};
use crate::s3::list::{Entry, ListOptions, Sheet};
use crate::shard::Shard;
use crate::units;
use crate::uri::{Location, S3Uri};
use futures::{FutureExt, StreamExt, TryStreamExt};
use std::ffi::OsString;
use std::fmt::Write as _;
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
        let (date, clock) = minutes(&bucket.created);
        cx.console.stream(format!("{}  s3://{}", format!("{date} {clock}").trim_end(), bucket.name))?;
    }
    cx.console.flush()
}

/// Lists a bucket, or what is under a prefix of it; a trailing `*` of the prefix is dropped. Prefixes print before
/// objects, over all pages.
pub(crate) async fn list_objects(cx: &Cx, uri: &S3Uri) -> Outcome {
    let settings = &cx.settings;
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
        Self { cx, uri, columns: Columns::of(cx), shard, held, text: String::new() }
    }

    /// Prints a page's prefixes; its objects too where the listing is deep, else they are held.
    async fn page(&mut self, page: &Sheet) -> Outcome {
        let (cx, uri, columns) = (self.cx, self.uri, self.columns);
        for prefix in page.prefixes() {
            columns.line(&mut self.text, "", &columns.word("DIR"), "", "", uri, prefix);
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
                    columns.object(&mut self.text, uri, object, &md5);
                }
            }
        } else {
            for object in meant() {
                columns.object(&mut self.text, uri, object, object.etag);
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

/// The MD5 of an object whose ETag is none, from its stored attributes; else the ETag.
async fn content_md5(cx: &Cx, bucket: &str, object: Entry<'_>) -> Outcome<String> {
    if !object.etag.contains('-') {
        return Ok(object.etag.to_owned());
    }
    match cx.client().head_object(bucket, object.key).await {
        Ok(head) => Ok(stored_md5(&head).unwrap_or_else(|| object.etag.to_owned())),
        // It was deleted since it was listed.
        Err(error) if error.is_not_found() => Ok(object.etag.to_owned()),
        Err(error) => Err(Failure::about_bucket(error)),
    }
}

/// Which columns are printed, and how wide.
#[derive(Clone, Copy, Debug)]
struct Columns {
    human: bool,
    md5: bool,
    long: bool,
}

impl Columns {
    fn of(cx: &Cx) -> Self {
        let settings = &cx.settings;
        Self { human: settings.human_readable_sizes, md5: settings.list_md5, long: settings.long_listing }
    }

    /// A word in the size column.
    fn word(self, word: &str) -> String {
        if self.human { format!("{word:>6}") } else { format!("{word:>12}") }
    }

    /// Adds the line of an object.
    fn object(self, out: &mut String, uri: &S3Uri, object: Entry<'_>, md5: &str) {
        let size = if object.key.ends_with('/') {
            self.word("DIROBJ")
        } else if self.human {
            let (number, suffix) = units::whole(object.size);
            format!("{number:>5}{suffix:>1}")
        } else {
            format!("{:>12}", object.size)
        };
        let class = if object.storage_class.is_empty() { "STANDARD" } else { object.storage_class };
        self.line(out, object.modified, &size, md5, class, uri, object.key);
    }

    /// Adds a line; `time` is as the server sent it.
    #[allow(clippy::too_many_arguments, reason = "they are the columns of a line")]
    fn line(self, out: &mut String, time: &str, size: &str, md5: &str, class: &str, uri: &S3Uri, key: &str) {
        let (date, clock) = minutes(time);
        let width = date.len() + if clock.is_empty() { 0 } else { 1 + clock.len() };
        if width < 16 {
            out.extend(std::iter::repeat_n(' ', 16 - width));
        }
        out.push_str(date);
        if !clock.is_empty() {
            out.push(' ');
            out.push_str(clock);
        }
        out.push(' ');
        out.push_str(size);
        out.push_str("  ");
        // Writing to a string cannot fail.
        let _ = match (self.long, self.md5) {
            (true, _) => write!(out, "{md5:<35}  {class:<11}  "),
            (false, true) => write!(out, "{md5:<35}  "),
            (false, false) => Ok(()),
        };
        out.push_str("s3://");
        out.push_str(&uri.bucket);
        out.push('/');
        out.push_str(key);
        out.push('\n');
    }
}

/// Date and minute, `2026-11-20` and `08:45`, of the time that the server sent.
fn minutes(time: &str) -> (&str, &str) {
    let (date, clock) = time.split_once('T').unwrap_or((time, ""));
    (date, clock.get(..5).unwrap_or(clock))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines printed by s3cmd 2.4.0.
    #[test]
    fn lines_are_those_of_s3cmd() {
        let uri = S3Uri::new("lab-ref-1", "");
        let columns = |human, md5, long| Columns { human, md5, long };
        let etag = "19019d16dd0f439825c39a2c5b9178fd-3";
        let shown = |columns: Columns, key: &str, size| {
            let mut line = String::new();
            let modified = "2026-11-20T08:45:04.123Z";
            columns.object(&mut line, &uri, Entry { key, size, etag, modified, storage_class: "" }, etag);
            line
        };
        assert_eq!(
            shown(columns(false, false, false), "multi.bin", 12_582_912),
            "2026-11-20 08:45     12582912  s3://lab-ref-1/multi.bin\n"
        );
        assert_eq!(
            shown(columns(true, false, false), "h.txt", 12),
            "2026-11-20 08:45    12   s3://lab-ref-1/h.txt\n"
        );
        assert_eq!(
            shown(columns(true, false, false), "multi.bin", 12_582_912),
            "2026-11-20 08:45    12M  s3://lab-ref-1/multi.bin\n"
        );
        assert_eq!(
            shown(columns(false, true, true), "multi.bin", 12_582_912),
            "2026-11-20 08:45     12582912  19019d16dd0f439825c39a2c5b9178fd-3   STANDARD     s3://lab-ref-1/multi.bin\n"
        );
        assert_eq!(
            shown(columns(false, true, false), "multi.bin", 12_582_912),
            "2026-11-20 08:45     12582912  19019d16dd0f439825c39a2c5b9178fd-3   s3://lab-ref-1/multi.bin\n"
        );
        assert_eq!(
            shown(columns(false, false, false), "d/", 0),
            "2026-11-20 08:45       DIROBJ  s3://lab-ref-1/d/\n"
        );
        let prefix = |columns: Columns, key: &str| {
            let mut line = String::new();
            columns.line(&mut line, "", &columns.word("DIR"), "", "", &uri, key);
            line
        };
        assert_eq!(
            prefix(columns(false, false, false), "dir/"),
            "                          DIR  s3://lab-ref-1/dir/\n"
        );
        assert_eq!(
            prefix(columns(true, false, true), "d/"),
            "                    DIR                                                    s3://lab-ref-1/d/\n"
        );
    }

    #[test]
    fn odd_times_are_shown_as_far_as_they_go() {
        assert_eq!(minutes("2026-11-20T08:45:04.123Z"), ("2026-11-20", "08:45"));
        assert_eq!(minutes("2026-11-20"), ("2026-11-20", ""));
        assert_eq!(minutes(""), ("", ""));
    }
}
