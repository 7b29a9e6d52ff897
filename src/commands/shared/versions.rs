//! `--version-id` and `--all-versions`: what they go with, and the listings of versions.

use crate::cli::Command;
use crate::commands::shared::context::Context;
use crate::commands::shared::names::Names;
use crate::output::{Columns, Event, Exit, Failure, Outcome};
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
    Command::Getobjectlegalhold,
    Command::Getobjectretention,
];

/// Commands that mean all versions.
const OF_ALL: &[Command] = &[Command::Ls, Command::La, Command::Du, Command::Del, Command::Rb];

/// Refuses a version where none can be meant, for then another object would be: an id is the id of one object, and is
/// asked of the commands that know it. Returns the object, if a version was named.
pub(crate) fn check(command: Command, cx: &Context, args: &[OsString]) -> Outcome<Option<S3Uri>> {
    let settings = &cx.settings;
    let refused = |option: &str| Err(Failure::parameter(format!("{option} does not go with this command")));
    if settings.all_versions && !OF_ALL.contains(&command) {
        return refused("--all-versions");
    }
    if settings.version_id.is_empty() {
        return Ok(None);
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
        [uri] if uri.has_key() && !settings.recursive && Wildcard::new(&uri.key).is_none() => {
            Ok(Some(uri.clone()))
        }
        _ => Err(Failure::parameter("--version-id goes with one object")),
    }
}

/// Makes sure that the version is there, where the service says whether it is: without one most commands would say that the
/// object is missing, and a deletion that it was done. Exit code 12.
pub(crate) async fn find(cx: &Context, uri: &S3Uri) -> Outcome {
    let client = cx.client();
    let Err(error) = client.head_object(&uri.bucket, &uri.key).await else { return Ok(()) };
    let is_missing = match error.status() {
        // An answer to HEAD has no code: the same question with an answer that has one.
        Some(400 | 404) => match client.get_acl(&uri.bucket, Some(&uri.key)).await {
            Ok(_) => false,
            Err(error) => match error.code() {
                "NoSuchBucket" => return Err(Failure::about_bucket(error)),
                "InvalidArgument" | "NoSuchVersion" => true,
                _ => error.is_not_found(),
            },
        },
        _ => false,
    };
    if is_missing {
        let id = cx.settings.version_id.trim();
        return Err(Failure::new(Exit::NOTFOUND, format!("Version '{id}' of '{uri}' does not exist")));
    }
    Ok(())
}

/// Lists all versions of what is meant, page by page: common prefixes, then versions and delete markers.
pub(crate) async fn list(cx: &Context, uri: &S3Uri, names: &Names<'_>, columns: Columns) -> Outcome {
    let settings = &cx.settings;
    let mut options = ListOptions {
        prefix: names.prefix().to_owned(),
        delimiter: if names.is_deep() { String::new() } else { "/".to_owned() },
        ..ListOptions::default()
    };
    let mut left = u64::try_from(settings.limit).ok();
    let mut after = None;
    let mut text = String::new();
    loop {
        // What is left out does not count: then a page may hold more than is shown of it.
        options.page_size = left.map(|left| if names.are_all() { left.min(1000) as u32 } else { 1000 });
        let page = cx.client().version_page(&uri.bucket, &options, after.as_ref()).await;
        let page = page.map_err(Failure::about_bucket)?;
        let mut has_more = page.next.is_some();
        let mut counts = || match &mut left {
            Some(0) => {
                has_more = true;
                false
            }
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        };
        for prefix in page.prefixes.iter().filter(|prefix| names.take_prefix(prefix) && counts()) {
            cx.console.render(&mut text, &Event::Prefix { bucket: &uri.bucket, prefix, columns });
        }
        for version in page.versions.iter().filter(|version| names.take(&version.key) && counts()) {
            cx.console.render(&mut text, &event(uri, version, columns));
        }
        cx.console.block(&text)?;
        cx.console.flush()?;
        text.clear();
        if left == Some(0) && has_more && settings.limit > 0 {
            log::warn!("The list is truncated because the settings limit was reached.");
        }
        if left == Some(0) || page.next.is_none() {
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
pub(crate) fn meant<'a>(
    cx: &'a Context,
    uri: &'a S3Uri,
) -> Outcome<impl Stream<Item = Outcome<Version>> + 'a> {
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
        named && shard.is_none_or(|shard| shard.contains(name)) && settings.filter.excludes(name).is_none()
    };
    let options = ListOptions { prefix, ..ListOptions::default() };
    let pages = cx.client().version_pages(&uri.bucket, options).map_err(Failure::about_bucket);
    let versions = pages.map_ok(|page| stream::iter(page.versions.into_iter().map(Ok))).try_flatten();
    Ok(versions.try_filter(move |version| std::future::ready(is_meant(version))).boxed())
}
