//! `--version-id` and `--all-versions`: the commands that accept them, and version listings.

use crate::cli::Command;
use crate::commands::shared::context::Context;
use crate::commands::shared::names::NameFilter;
use crate::output::{Columns, Event, Exit, Failure, Outcome};
use crate::patterns::Wildcard;
use crate::uri::{Location, S3Uri};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use s3cmd_client::list::{ListOptions, Version};
use std::ffi::OsString;

/// Commands that accept `--version-id`.
const SINGLE_VERSION: &[Command] = &[
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

/// Commands that accept `--all-versions`.
const ALL_VERSIONS: &[Command] = &[Command::Ls, Command::La, Command::Du, Command::Del, Command::Rb];

/// Rejects `--version-id` and `--all-versions` in commands that do not support them, which would act on other versions.
/// A version id belongs to one object, so exactly one must be named. Returns that object if `--version-id` is given.
pub(crate) fn check(command: Command, cx: &Context, args: &[OsString]) -> Outcome<Option<S3Uri>> {
    let settings = &cx.settings;
    let rejected = |option: &str| Err(Failure::parameter(format!("{option} does not go with this command")));
    if settings.all_versions && !ALL_VERSIONS.contains(&command) {
        return rejected("--all-versions");
    }
    if settings.version_id.is_empty() {
        return Ok(None);
    }
    if settings.all_versions || !SINGLE_VERSION.contains(&command) {
        return rejected("--version-id");
    }
    // The last argument of `cp` is the destination.
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

/// Checks that the version exists, if the service reports that. Otherwise most commands would report a missing object,
/// and a deletion would report success. Exit code 12 if it does not exist.
pub(crate) async fn check_exists(cx: &Context, uri: &S3Uri) -> Outcome {
    let client = cx.client();
    let Err(error) = client.head_object(&uri.bucket, &uri.key).await else { return Ok(()) };
    let is_missing = match error.status() {
        // HEAD responses have no error code, so ask with a request whose response has one.
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
        let id = cx.settings.version();
        return Err(Failure::new(Exit::NOTFOUND, format!("Version '{id}' of '{uri}' does not exist")));
    }
    Ok(())
}

/// Lists all versions of the selected objects, page by page: common prefixes, then versions and delete markers.
pub(crate) async fn list(cx: &Context, uri: &S3Uri, names: &NameFilter<'_>, columns: Columns) -> Outcome {
    let settings = &cx.settings;
    let delimiter = if names.needs_recursion() { "" } else { "/" };
    let mut options = ListOptions::new(names.prefix()).with_delimiter(delimiter);
    let mut remaining = settings.limit();
    let mut after = None;
    let mut text = String::new();
    loop {
        // Filtered entries do not count, so with a filter a page may hold more entries than are shown.
        options.page_size = remaining
            .map(|remaining| if names.selects_everything() { remaining.min(1000) as u32 } else { 1000 });
        let page = cx.client().version_page(&uri.bucket, &options, after.as_ref()).await;
        let page = page.map_err(Failure::about_bucket)?;
        let mut has_more = page.next.is_some();
        let mut count = || match &mut remaining {
            Some(0) => {
                has_more = true;
                false
            }
            Some(remaining) => {
                *remaining -= 1;
                true
            }
            None => true,
        };
        for prefix in page.prefixes.iter().filter(|prefix| names.selects_prefix(prefix) && count()) {
            cx.console.render(&mut text, &Event::Prefix { bucket: &uri.bucket, prefix, columns });
        }
        for version in page.versions.iter().filter(|version| names.selects(&version.key) && count()) {
            cx.console.render(&mut text, &event(uri, version, columns));
        }
        cx.console.print_lines(&text)?;
        cx.console.flush()?;
        text.clear();
        if remaining == Some(0) && has_more && settings.limit > 0 {
            log::warn!("The list is truncated because the settings limit was reached.");
        }
        if remaining == Some(0) || page.next.is_none() {
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

/// All versions and delete markers that an argument selects: with `-r` of everything below the prefix, else of the
/// object, or of the objects that match a wildcard; without those that the rules exclude.
pub(crate) fn select<'a>(
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
    let is_selected = move |version: &Version| {
        let named = match &wildcard {
            Some(wildcard) => wildcard.matches(&version.key),
            None => !exact || version.key == uri.key,
        };
        let name = &version.key[relative..];
        named
            && shard.is_none_or(|shard| shard.contains(name))
            && cx.selection.filter.excludes(name).is_none()
    };
    let options = ListOptions::new(prefix);
    let pages = cx.client().version_pages(&uri.bucket, options).map_err(Failure::about_bucket);
    let versions = pages.map_ok(|page| stream::iter(page.versions.into_iter().map(Ok))).try_flatten();
    Ok(versions.try_filter(move |version| std::future::ready(is_selected(version))).boxed())
}
