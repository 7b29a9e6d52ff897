//! `--version-id` and `--all-versions`: what they go with, and the listings of versions.

use super::context::Cx;
use crate::cli::Command;
use crate::output::{Columns, Event, Failure, Outcome};
use crate::patterns::Wildcard;
use crate::s3::list::{ListOptions, Version};
use crate::uri::{Location, S3Uri};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use std::ffi::OsString;

/// Commands that mean one version of an object.
const OF_ONE: &[Command] = &[
    Command::Get,
    Command::Info,
    Command::Del,
    Command::Cp,
    Command::Signurl,
    Command::Md5sum,
    Command::Restore,
    Command::Gettagging,
    Command::Settagging,
    Command::Deltagging,
    Command::Getacl,
    Command::Setacl,
    Command::Setobjectlegalhold,
    Command::Setobjectretention,
];

/// Commands that mean all versions.
const OF_ALL: &[Command] = &[Command::Ls, Command::La, Command::Du, Command::Del, Command::Rb];

/// Refuses a version where none can be meant, for then another object would be: an id is the id of one object, and is
/// asked of the commands that know it.
pub(super) fn check(command: Command, cx: &Cx, args: &[OsString]) -> Outcome {
    let settings = &cx.settings;
    let refused = |option: &str| Err(Failure::parameter(format!("{option} does not go with this command")));
    if settings.all_versions && !OF_ALL.contains(&command) {
        return refused("--all-versions");
    }
    if settings.version_id.is_empty() {
        return Ok(());
    }
    if settings.all_versions || !OF_ONE.contains(&command) {
        return refused("--version-id");
    }
    // Of `cp` the last one is where the copy goes.
    let sources = if command == Command::Cp { &args[..args.len().saturating_sub(1)] } else { args };
    let named = sources.iter().filter_map(|argument| match Location::parse(argument) {
        Location::S3(uri) => Some(uri),
        Location::Local(_) => None,
    });
    match &named.collect::<Vec<_>>()[..] {
        [uri] if uri.has_key() && !settings.recursive && Wildcard::new(&uri.key).is_none() => Ok(()),
        _ => Err(Failure::parameter("--version-id goes with one object")),
    }
}

/// Lists all versions of what is below a prefix, page by page: common prefixes, then versions and delete markers.
pub(super) async fn list(cx: &Cx, uri: &S3Uri, columns: Columns) -> Outcome {
    let settings = &cx.settings;
    let mut options = ListOptions {
        prefix: uri.key.strip_suffix('*').unwrap_or(&uri.key).to_owned(),
        delimiter: if settings.recursive { String::new() } else { "/".to_owned() },
        ..ListOptions::default()
    };
    let mut left = u32::try_from(settings.limit).ok();
    let mut after = None;
    let mut text = String::new();
    loop {
        options.page_size = left.map(|left| left.min(1000));
        let page = cx.client().version_page(&uri.bucket, &options, after.as_ref()).await;
        let page = page.map_err(Failure::about_bucket)?;
        for prefix in &page.prefixes {
            cx.console.render(&mut text, &Event::Prefix { bucket: &uri.bucket, prefix, columns });
        }
        for version in &page.versions {
            cx.console.render(&mut text, &event(uri, version, columns));
        }
        cx.console.block(&text)?;
        cx.console.flush()?;
        text.clear();
        let entries = u32::try_from(page.prefixes.len() + page.versions.len()).unwrap_or(u32::MAX);
        left = left.map(|left| left.saturating_sub(entries));
        if page.next.is_none() {
            return Ok(());
        }
        if left == Some(0) {
            if settings.limit > 0 {
                log::warn!("The list is truncated because the settings limit was reached.");
            }
            return Ok(());
        }
        after = page.next;
    }
}

fn event<'a>(uri: &'a S3Uri, version: &'a Version, columns: Columns) -> Event<'a> {
    let Version { key, id, is_latest, is_marker, size, etag, modified, storage_class } = version;
    let (bucket, version_id, is_latest, size) = (uri.bucket.as_str(), id.as_str(), *is_latest, *size);
    if *is_marker {
        return Event::DeleteMarker { bucket, key, version_id, is_latest, modified, columns };
    }
    let storage_class = if storage_class.is_empty() { "STANDARD" } else { storage_class };
    Event::Version { bucket, key, version_id, is_latest, size, modified, etag, storage_class, columns }
}

/// All versions and markers that an argument means: with `-r` of everything below the prefix, else of the object, or the
/// objects that a wildcard means; without what the rules exclude.
pub(super) fn meant<'a>(cx: &'a Cx, uri: &'a S3Uri) -> Outcome<impl Stream<Item = Outcome<Version>> + 'a> {
    let settings = &cx.settings;
    let wildcard = if settings.recursive { None } else { Wildcard::new(&uri.key) };
    let exact = !settings.recursive && wildcard.is_none();
    if exact && uri.basename().is_empty() {
        let problem = format!("Expecting S3 URI with a filename or --recursive: {uri}");
        return Err(Failure::parameter(problem));
    }
    let prefix = wildcard.as_ref().map_or(uri.key.as_str(), Wildcard::literal_prefix).to_owned();
    let relative = prefix.rfind('/').map_or(0, |slash| slash + 1);
    let shard = cx.shard();
    let is_meant = move |version: &Version| {
        let named = match &wildcard {
            Some(wildcard) => wildcard.matches(&version.key),
            None => !exact || version.key == uri.key,
        };
        let name = &version.key[relative..];
        named && shard.is_none_or(|shard| shard.takes(name)) && settings.filter.excludes(name).is_none()
    };
    let options = ListOptions { prefix, ..ListOptions::default() };
    let pages = cx.client().version_pages(&uri.bucket, options).map_err(Failure::about_bucket);
    let versions = pages.map_ok(|page| stream::iter(page.versions.into_iter().map(Ok))).try_flatten();
    Ok(versions.try_filter(move |version| std::future::ready(is_meant(version))).boxed())
}
