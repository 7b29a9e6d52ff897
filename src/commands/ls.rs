//! `ls [s3://BUCKET[/PREFIX]]`: lists buckets, or the objects of a bucket.

use super::context::Cx;
use super::info::stored_md5;
use crate::output::{Failure, Outcome};
use crate::s3::list::{ListOptions, Object, Page};
use crate::units;
use crate::uri::{Location, S3Uri};
use futures::{StreamExt, TryStreamExt};
use std::ffi::OsString;

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
        cx.console.stream(format!("{}  s3://{}", minutes(&bucket.created), bucket.name))?;
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
        ..ListOptions::default()
    };
    // Lines of objects that have to wait for the prefixes of later pages.
    let mut held = Vec::new();
    let mut truncated = false;
    match u32::try_from(settings.limit) {
        Err(_) => {
            let mut pages = client.list(&uri.bucket, options).boxed();
            while let Some(page) = pages.next().await {
                print_page(cx, uri, page.map_err(Failure::about_bucket)?, &mut held).await?;
            }
        }
        Ok(limit) => {
            let (mut left, mut token) = (limit, None);
            loop {
                options.page_size = Some(left.min(1000));
                let page = client.list_page(&uri.bucket, &options, token.as_deref()).await;
                let mut page = page.map_err(Failure::about_bucket)?;
                let entries = page.prefixes.len() + page.objects.len();
                token = page.next.take();
                left = left.saturating_sub(u32::try_from(entries).unwrap_or(u32::MAX));
                print_page(cx, uri, page, &mut held).await?;
                truncated = token.is_some() && limit > 0;
                if token.is_none() || left == 0 {
                    break;
                }
            }
        }
    }
    for line in held {
        cx.console.stream(line)?;
    }
    cx.console.flush()?;
    if truncated {
        log::warn!("The list is truncated because the settings limit was reached.");
    }
    Ok(())
}

/// Prints a page's prefixes; its objects too where the listing is deep, else they are held.
async fn print_page(cx: &Cx, uri: &S3Uri, page: Page, held: &mut Vec<String>) -> Outcome {
    let columns = Columns::of(cx);
    for prefix in &page.prefixes {
        cx.console.stream(columns.line("", &columns.word("DIR"), "", "", &uri.with_key(prefix)))?;
    }
    let needs_head = cx.settings.list_md5 && page.objects.iter().any(|object| object.etag.contains('-'));
    if !needs_head {
        for object in page.objects {
            let line = columns.object(uri, &object, &object.etag);
            if cx.settings.recursive { cx.console.stream(line)? } else { held.push(line) }
        }
        return Ok(());
    }
    let lines = futures::stream::iter(page.objects).map(|object| async move {
        let md5 = content_md5(cx, uri, &object).await?;
        Ok::<_, Failure>(columns.object(uri, &object, &md5))
    });
    let mut lines = lines.buffered(cx.width()).boxed();
    while let Some(line) = lines.try_next().await? {
        if cx.settings.recursive { cx.console.stream(line)? } else { held.push(line) }
    }
    Ok(())
}

/// The MD5 of an object whose ETag is none, from its stored attributes; else the ETag.
async fn content_md5(cx: &Cx, uri: &S3Uri, object: &Object) -> Outcome<String> {
    if !object.etag.contains('-') {
        return Ok(object.etag.clone());
    }
    match cx.client().head_object(&uri.bucket, &object.key).await {
        Ok(head) => Ok(stored_md5(&head).unwrap_or_else(|| object.etag.clone())),
        // It was deleted since it was listed.
        Err(error) if error.is_not_found() => Ok(object.etag.clone()),
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

    fn object(self, uri: &S3Uri, object: &Object, md5: &str) -> String {
        let size = if object.key.ends_with('/') {
            self.word("DIROBJ")
        } else if self.human {
            let (number, suffix) = units::whole(object.size);
            format!("{number:>5}{suffix:>1}")
        } else {
            format!("{:>12}", object.size)
        };
        let class = if object.storage_class.is_empty() { "STANDARD" } else { &object.storage_class };
        self.line(&minutes(&object.modified), &size, md5, class, &uri.with_key(&object.key))
    }

    fn line(self, time: &str, size: &str, md5: &str, class: &str, uri: &S3Uri) -> String {
        match (self.long, self.md5) {
            (true, _) => format!("{time:>16} {size}  {md5:<35}  {class:<11}  {uri}"),
            (false, true) => format!("{time:>16} {size}  {md5:<35}  {uri}"),
            (false, false) => format!("{time:>16} {size}  {uri}"),
        }
    }
}

/// `2026-11-20 08:45` of the time that the server sent.
fn minutes(time: &str) -> String {
    let (date, clock) = time.split_once('T').unwrap_or((time, ""));
    let clock = clock.get(..5).unwrap_or(clock);
    format!("{date} {clock}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, size: u64) -> Object {
        Object {
            key: key.into(),
            size,
            etag: "19019d16dd0f439825c39a2c5b9178fd-3".into(),
            modified: "2026-11-20T08:45:04.123Z".into(),
            storage_class: String::new(),
        }
    }

    /// Lines printed by s3cmd 2.4.0.
    #[test]
    fn lines_are_those_of_s3cmd() {
        let uri = S3Uri::new("lab-ref-1", "");
        let columns = |human, md5, long| Columns { human, md5, long };
        let shown = |columns: Columns, key: &str, size| {
            let object = object(key, size);
            columns.object(&uri, &object, &object.etag)
        };
        assert_eq!(
            shown(columns(false, false, false), "multi.bin", 12_582_912),
            "2026-11-20 08:45     12582912  s3://lab-ref-1/multi.bin"
        );
        assert_eq!(
            shown(columns(true, false, false), "h.txt", 12),
            "2026-11-20 08:45    12   s3://lab-ref-1/h.txt"
        );
        assert_eq!(
            shown(columns(true, false, false), "multi.bin", 12_582_912),
            "2026-11-20 08:45    12M  s3://lab-ref-1/multi.bin"
        );
        assert_eq!(
            shown(columns(false, true, true), "multi.bin", 12_582_912),
            "2026-11-20 08:45     12582912  19019d16dd0f439825c39a2c5b9178fd-3   STANDARD     s3://lab-ref-1/multi.bin"
        );
        assert_eq!(
            shown(columns(false, true, false), "multi.bin", 12_582_912),
            "2026-11-20 08:45     12582912  19019d16dd0f439825c39a2c5b9178fd-3   s3://lab-ref-1/multi.bin"
        );
        assert_eq!(
            shown(columns(false, false, false), "d/", 0),
            "2026-11-20 08:45       DIROBJ  s3://lab-ref-1/d/"
        );
        let plain = columns(false, false, false);
        assert_eq!(
            plain.line("", &plain.word("DIR"), "", "", &uri.with_key("dir/")),
            "                          DIR  s3://lab-ref-1/dir/"
        );
        let human = columns(true, false, true);
        assert_eq!(
            human.line("", &human.word("DIR"), "", "", &uri.with_key("d/")),
            "                    DIR                                                    s3://lab-ref-1/d/"
        );
    }

    #[test]
    fn odd_times_are_shown_as_far_as_they_go() {
        assert_eq!(minutes("2026-11-20T08:45:04.123Z"), "2026-11-20 08:45");
        assert_eq!(minutes("2026-11-20"), "2026-11-20");
        assert_eq!(minutes(""), "");
    }
}
