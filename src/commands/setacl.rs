//! `setacl s3://BUCKET[/KEY]...`: changes who may read and write.

use crate::commands::shared::selection::show_excluded;
use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::config::{AclChange, Settings};
use crate::output::{Event, Failure, Outcome, Position};
use crate::s3::Error;
use crate::s3::acl::Acl;
use crate::transfer::ordered_tasks::{ItemResult, Summary, in_order};
use crate::transfer::remote::{BY_RELATIVE_ONCE, select};
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Changes the access lists of buckets and objects as `--acl-public`, `--acl-private`, `--acl-grant` and `--acl-revoke`
/// ask.
///
/// Buckets that are named come first, then the objects; with `--recursive` only objects are meant. Those that cannot be
/// changed are named, and the others go on. An object that is deleted between its listing and its turn is passed over.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
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
                    log::warn!("{uri}: deleted since it was listed, skipping");
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

/// Names one of several lists that could not be changed.
fn failed(uri: &S3Uri, error: Error, alone: bool) -> Outcome<ItemResult> {
    if alone || error.concerns_all_requests() {
        return Err(error.into());
    }
    log::error!("ACL of '{uri}' could not be changed (Reason: {})", error.reason());
    Ok(ItemResult::refused(&error))
}

fn event<'a>(settings: &Settings, uri: &'a S3Uri, place: Option<Position>) -> Event<'a> {
    Event::Setacl { uri, acl: public_or_private(settings), place, dry_run: settings.dry_run }
}

/// Changes one list and says so; a list that is as asked is left alone.
async fn change(cx: &Context, uri: &S3Uri, place: Option<Position>) -> Result<ItemResult, Error> {
    let settings = &cx.settings;
    let client = cx.client();
    let mut acl = client.get_acl(&uri.bucket, uri.key_option()).await?;
    let kind = public_or_private(settings);
    let switched = switch(&mut acl, settings.acl_public);
    if let Some(kind) = kind.filter(|_| !switched) {
        let place = place.map_or_else(String::new, |place| place.to_string());
        log::info!("{uri}: already {kind}, skipping {place}");
    }
    let has_changes = !(settings.acl_grants.is_empty() && settings.acl_revokes.is_empty());
    if !(switched || has_changes) {
        return Ok(ItemResult::Skipped);
    }
    let revoked = apply(&mut acl, &settings.acl_grants, &settings.acl_revokes);
    for revoke in
        settings.acl_revokes.iter().zip(&revoked).filter(|(_, found)| !**found).map(|(revoke, _)| revoke)
    {
        let (permission, who) = (revoke.permission.to_uppercase(), &revoke.grantee);
        let but = if acl.grants_all_to(who) { ", who has FULL_CONTROL" } else { "" };
        log::warn!("{uri}: nothing was revoked: there is no grant of {permission} for {who}{but}");
    }
    if !switched && settings.acl_grants.is_empty() && !revoked.contains(&true) {
        return Ok(ItemResult::Skipped);
    }
    client.put_acl(&uri.bucket, uri.key_option(), &acl).await?;
    // A line that cannot be written must end the run, but the list is changed.
    cx.console
        .tell(&event(settings, uri, place))
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))?;
    Ok(ItemResult::Done)
}

fn public_or_private(settings: &Settings) -> Option<&'static str> {
    settings.acl_public.map(|public| if public { "Public" } else { "Private" })
}

/// Makes a list public or private; `false` if it is already, or if neither is asked for.
fn switch(acl: &mut Acl, public: Option<bool>) -> bool {
    match public {
        Some(true) => acl.grant_anonymous_read(),
        Some(false) => acl.revoke_anonymous(),
        None => false,
    }
}

/// Grants come first, then what is taken away (measured on s3cmd 2.4.0). Tells of each revocation whether there was anything
/// to take away.
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
        assert_eq!((acl.grants[0].grantee.shown(), acl.grants[0].permission.as_str()), ("b", "WRITE"));
    }

    #[test]
    fn what_is_as_asked_is_left_alone() {
        let mut acl = Acl::default();
        assert!(!switch(&mut acl, None));
        assert!(!switch(&mut acl, Some(false)));
        assert!(switch(&mut acl, Some(true)));
        assert!(!switch(&mut acl, Some(true)));
        assert!(switch(&mut acl, Some(false)));
    }
}
