//! `setacl s3://BUCKET[/KEY]...`: changes access control lists.

use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::selection::show_excluded;
use crate::config::{AclChange, Settings};
use crate::output::{Event, Failure, Outcome, Position, error_reason};
use crate::transfer::ordered_tasks::{ItemResult, Summary, in_order};
use crate::transfer::remote::{BY_RELATIVE_ONCE, select};
use crate::uri::S3Uri;
use s3cmd_client::Error;
use s3cmd_client::model::acl::Acl;
use std::ffi::OsString;

/// Changes the access control lists of buckets and objects as `--acl-public`, `--acl-private`, `--acl-grant` and
/// `--acl-revoke` request.
///
/// Named buckets are changed first, then objects; with `--recursive` only objects are selected. A failure is reported,
/// and the others are changed anyway. An object that was deleted after its listing is skipped.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let settings = &cx.settings;
    let uris = s3_uris(args)?;
    if let Some(uri) = uris.iter().find(|uri| uri.bucket.is_empty()) {
        return Err(Failure::parameter(format!("Expecting S3 URI with a bucket name instead of '{uri}'")));
    }
    let (buckets, objects): (Vec<S3Uri>, Vec<S3Uri>) =
        uris.into_iter().partition(|uri| !settings.recursive && !uri.has_key());
    let mut summary = Summary::default();
    for uri in &buckets {
        let kind = public_or_private(settings).map_or(String::new(), |kind| format!(" to {kind}"));
        log::info!("Setting bucket-level ACL for {uri}{kind}");
        if !settings.dry_run {
            summary.count(match change(cx, uri, None).await {
                Err(error) => failed(uri, error, buckets.len() + objects.len() == 1)?,
                Ok(item_result) => item_result,
            });
        }
    }
    for uri in objects.iter().filter(|_| settings.recursive) {
        log::info!("Retrieving list of remote files for {uri} ...");
    }
    let selection = select(cx.client(), &objects, cx.scope(), BY_RELATIVE_ONCE).await?;
    let total = selection.items.len();
    log::info!("Summary: {total} remote files to update");
    if settings.dry_run {
        show_excluded(cx, &selection)?;
        for item in selection.items.iter() {
            cx.console.stream(&event(settings, &item?.uri(), None))?;
        }
        cx.console.flush()?;
        log::warn!("Exiting now because of --dry-run");
        return Ok(());
    }
    let alone = total == 1 && buckets.is_empty();
    summary += in_order(cx.width(), settings.stop_on_error, selection.items.numbered(), |(index, item)| {
        let cx = cx.clone();
        async move {
            let (uri, was_listed) = (item.uri(), item.listed.is_some());
            match change(&cx, &uri, Some(Position::at(index, total))).await {
                Err(Error::Service(error)) if was_listed && error.code == "NoSuchKey" => {
                    log::warn!("{uri}: deleted after it was listed, skipping");
                    Ok(ItemResult::Skipped)
                }
                Err(error) => failed(&uri, error, alone),
                Ok(item_result) => Ok(item_result),
            }
        }
    })
    .await?;
    summary.outcome()
}

/// Logs that one of several access control lists could not be changed. A single one's error, or one that concerns all
/// requests, is returned.
fn failed(uri: &S3Uri, error: Error, alone: bool) -> Outcome<ItemResult> {
    if alone || error.concerns_all_requests() {
        return Err(error.into());
    }
    log::error!("ACL of '{uri}' could not be changed (Reason: {})", error_reason(&error));
    Ok(ItemResult::refused(&error))
}

fn event<'a>(settings: &Settings, uri: &'a S3Uri, position: Option<Position>) -> Event<'a> {
    Event::Setacl { uri, acl: public_or_private(settings), position, dry_run: settings.dry_run }
}

/// Changes one access control list and reports it. A list that is already as requested is not written.
async fn change(cx: &Context, uri: &S3Uri, position: Option<Position>) -> Result<ItemResult, Error> {
    let settings = &cx.settings;
    let client = cx.client();
    let mut acl = client.get_acl(&uri.bucket, uri.key_option()).await?;
    let kind = public_or_private(settings);
    let changed = set_public(&mut acl, settings.acl_public);
    if let Some(kind) = kind.filter(|_| !changed) {
        let position = position.map_or_else(String::new, |position| position.to_string());
        log::info!("{uri}: already {kind}, skipping {position}");
    }
    let has_changes = !(settings.acl_grants.is_empty() && settings.acl_revokes.is_empty());
    if !(changed || has_changes) {
        return Ok(ItemResult::Skipped);
    }
    let revoked = apply(&mut acl, &settings.acl_grants, &settings.acl_revokes);
    for revoke in
        settings.acl_revokes.iter().zip(&revoked).filter(|(_, found)| !**found).map(|(revoke, _)| revoke)
    {
        let (permission, who) = (revoke.permission.to_uppercase(), &revoke.grantee);
        let note = if acl.grants_all_to(who) { ", who has FULL_CONTROL" } else { "" };
        log::warn!("{uri}: nothing was revoked: there is no grant of {permission} for {who}{note}");
    }
    if !changed && settings.acl_grants.is_empty() && !revoked.contains(&true) {
        return Ok(ItemResult::Skipped);
    }
    client.put_acl(&uri.bucket, uri.key_option(), &acl).await?;
    // A line that cannot be written ends the run, although the list is changed.
    cx.console
        .print(&event(settings, uri, position))
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))?;
    Ok(ItemResult::Done)
}

fn public_or_private(settings: &Settings) -> Option<&'static str> {
    settings.acl_public.map(|public| if public { "Public" } else { "Private" })
}

/// Makes a list public or private. Returns `false` if it already is, or if neither is requested.
fn set_public(acl: &mut Acl, public: Option<bool>) -> bool {
    match public {
        Some(true) => acl.grant_anonymous_read(),
        Some(false) => acl.revoke_anonymous(),
        None => false,
    }
}

/// Applies grants, then revocations (measured on s3cmd 2.4.0). Returns for each revocation whether there was a grant to
/// revoke.
fn apply(acl: &mut Acl, grants: &[AclChange], revokes: &[AclChange]) -> Vec<bool> {
    for grant in grants {
        acl.grant(&grant.permission, &grant.grantee);
    }
    revokes.iter().map(|revoke| acl.revoke(&revoke.permission, &revoke.grantee)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_come_before_revocations() {
        let change =
            |permission: &str, who: &str| AclChange { permission: permission.into(), grantee: who.into() };
        let mut acl = Acl::default();
        let grants = [change("read", "a"), change("write", "b")];
        let revoked = apply(&mut acl, &grants, &[change("all", "a"), change("read", "b")]);
        assert_eq!(revoked, [true, false]);
        assert_eq!(acl.grants.len(), 1);
        assert_eq!((acl.grants[0].grantee.name(), acl.grants[0].permission.as_str()), ("b", "WRITE"));
    }

    #[test]
    fn lists_that_are_as_requested_are_not_changed() {
        let mut acl = Acl::default();
        assert!(!set_public(&mut acl, None));
        assert!(!set_public(&mut acl, Some(false)));
        assert!(set_public(&mut acl, Some(true)));
        assert!(!set_public(&mut acl, Some(true)));
        assert!(set_public(&mut acl, Some(false)));
    }
}
