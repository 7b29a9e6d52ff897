//! `signurl s3://BUCKET/KEY... EXPIRY`: makes links that work without credentials until they expire.

use crate::commands::shared::dates::expiry;
use crate::commands::shared::context::Context;
use crate::output::{Event, Failure, Outcome};
use crate::s3::client::canonical_region;
use crate::s3::credentials::Credentials;
use crate::s3::presign::Link;
use crate::s3::sign::v4;
use crate::uri::{Location, S3Uri};
use chrono::{DateTime, SecondsFormat, Utc};
use std::ffi::{OsStr, OsString};
use std::time::Duration;

/// How long a bucket's region is waited for: a link is made without it as well.
const REGION_PATIENCE: Duration = Duration::from_secs(10);

/// Prints a link to download an object, signed for a time. No connection is made, but where no region is configured and the
/// end point is one of Amazon's: there every bucket has its own, which is asked for.
///
/// The last argument is the time, all others are objects. The signature is of version 4 as far as that goes, 7 days; of
/// version 2 beyond them, and where `signature_v2` is set.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let Some((time, objects)) = args.split_last() else {
        return Err(Failure::parameter("Expecting an S3 URI and a time of expiry"));
    };
    let uris = objects.iter().map(|object| link_uri(object)).collect::<Outcome<Vec<_>>>()?;
    let now = Utc::now();
    let expires = expiry(&time.to_string_lossy(), now.timestamp())?;
    for uri in &uris {
        link(cx, uri, now, expires).await?;
    }
    Ok(())
}

async fn link(cx: &Context, uri: &S3Uri, now: DateTime<Utc>, expires: i64) -> Outcome {
    let settings = &cx.settings;
    let https = if settings.signurl_use_https_set { settings.signurl_use_https } else { settings.use_https };
    let endpoint = cx.endpoint();
    let link = Link {
        endpoint: &endpoint,
        https,
        bucket: &uri.bucket,
        key: &uri.key,
        version: cx.client().version(),
        content_disposition: &settings.content_disposition,
        content_type: &settings.content_type,
    };
    let credentials =
        Credentials::new(&settings.access_key, &settings.secret_key, Some(&settings.access_token));
    let lifetime = expires.saturating_sub(now.timestamp());
    let url = match version(settings.signature_v2, lifetime) {
        Version::V4(seconds) => {
            let region = region(cx, &uri.bucket).await;
            log::info!("The link is signed with version 4, for the region {region}");
            link.presigned_v4(&credentials, &region, now, seconds)
        }
        Version::V2(why) => {
            if settings.signature_v2 || lifetime <= 0 {
                log::info!("The link is signed with version 2: {why}");
            } else {
                log::warn!("The link is signed with version 2, which many services refuse: {why}");
            }
            link.presigned_v2(&credentials, expires)
        }
    };
    if lifetime <= 0 {
        log::warn!("The link has expired already");
    }
    let time = DateTime::from_timestamp(expires, 0);
    // Beyond what a calendar has, the link has the number.
    let expires =
        time.map_or_else(|| expires.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
    cx.console.tell(&Event::SignedUrl { uri, url: &url, expires })
}

/// The region that a link names: the configured one; else, at Amazon, that of the bucket, if it can be found out soon.
async fn region(cx: &Context, bucket: &str) -> String {
    let configured = &cx.settings.bucket_location;
    let is_unknown = matches!(configured.trim(), "" | "US");
    if is_unknown && cx.endpoint().is_amazon() {
        match tokio::time::timeout(REGION_PATIENCE, cx.client().find_region(bucket)).await {
            Ok(Some(region)) => return region,
            Ok(None) | Err(_) => log::info!("The region of the bucket '{bucket}' could not be found out"),
        }
    }
    canonical_region(configured).to_owned()
}

fn link_uri(argument: &OsStr) -> Outcome<S3Uri> {
    match Location::parse(argument) {
        Location::S3(uri) if !uri.bucket.is_empty() => Ok(uri),
        Location::S3(uri) => {
            Err(Failure::parameter(format!("Expecting S3 URI with a bucket name instead of '{uri}'")))
        }
        Location::Local(path) => {
            Err(Failure::parameter(format!("Must be S3Uri. Got: file://{}", path.display())))
        }
    }
}

/// Which signature a link gets.
#[derive(Debug, PartialEq, Eq)]
enum Version {
    /// Version 4, for so many seconds.
    V4(u64),
    /// Version 2, and why.
    V2(&'static str),
}

fn version(asked_for_v2: bool, lifetime: i64) -> Version {
    match u64::try_from(lifetime) {
        _ if asked_for_v2 => Version::V2("signature_v2 is set"),
        Ok(seconds @ 1..=v4::MAX_EXPIRES) => Version::V4(seconds),
        Ok(0) | Err(_) => Version::V2("version 4 has no links that have expired"),
        Ok(_) => Version::V2("version 4 has no links for more than 7 days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_4_serves_up_to_seven_days() {
        assert_eq!(version(false, 604_800), Version::V4(604_800));
        for (v2, lifetime) in [(true, 60), (false, 604_801), (false, 0), (false, -1)] {
            assert!(matches!(version(v2, lifetime), Version::V2(_)), "{lifetime}");
        }
    }
}
