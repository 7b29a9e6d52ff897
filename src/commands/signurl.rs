//! `signurl s3://BUCKET/KEY... EXPIRY`: creates presigned URLs.

use crate::commands::shared::context::Context;
use crate::dates;
use crate::output::{Event, Failure, Outcome};
use crate::uri::{Location, S3Uri};
use chrono::{DateTime, SecondsFormat, Utc};
use s3cmd_client::client::canonical_region;
use s3cmd_client::presign::Link;
use s3cmd_client::sign::v4;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

/// Timeout for finding a bucket's region. Without the region the URL is created anyway.
const REGION_TIMEOUT: Duration = Duration::from_secs(10);

/// Prints a presigned URL to download each object. No request is sent, except to find the bucket's region if none is
/// configured and the endpoint is Amazon's, where each bucket has its own region.
///
/// The last argument is the expiry time, all others are objects. Signature version 4 is used for lifetimes of up to 7
/// days; version 2 for longer ones, or if `signature_v2` is set.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let Some((time, objects)) = args.split_last() else {
        return Err(Failure::parameter("Expecting an S3 URI and a time of expiry"));
    };
    let uris = objects.iter().map(|object| link_uri(object)).collect::<Outcome<Vec<_>>>()?;
    let now = Utc::now();
    let expires = dates::expiry(&time.to_string_lossy(), now.timestamp()).map_err(Failure::parameter)?;
    for uri in &uris {
        link(cx, uri, now, expires).await?;
    }
    Ok(())
}

async fn link(cx: &Context, uri: &S3Uri, now: DateTime<Utc>, expires: i64) -> Outcome {
    let settings = &cx.settings;
    let endpoint = cx.endpoint();
    let mut link = Link::new(&endpoint, &uri.bucket, &uri.key)
        .with_https(settings.signurl_is_https())
        .with_version(cx.client().version());
    for (name, value) in [
        ("response-content-disposition", &settings.content_disposition),
        ("response-content-type", &settings.content_type),
    ] {
        if !value.is_empty() {
            link = link.with_query(name, value);
        }
    }
    let credentials = settings.credentials();
    let lifetime = expires.saturating_sub(now.timestamp());
    let url = match version(settings.signature_v2, lifetime) {
        Version::V4(seconds) => {
            let region = region(cx, &uri.bucket).await;
            log::info!("The link is signed with version 4, for the region {region}");
            link.presigned_v4(&credentials, &region, now, seconds)
        }
        Version::V2(reason) => {
            if settings.signature_v2 || lifetime <= 0 {
                log::info!("The link is signed with version 2: {reason}");
            } else {
                log::warn!("The link is signed with version 2, which many services reject: {reason}");
            }
            link.presigned_v2(&credentials, expires)
        }
    };
    if lifetime <= 0 {
        log::warn!("The link has expired already");
    }
    let time = DateTime::from_timestamp(expires, 0);
    // A time beyond the calendar is reported as the number.
    let expires =
        time.map_or_else(|| expires.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
    cx.console.print(&Event::SignedUrl { uri, url: &url, expires })
}

/// The region in the URL: the configured one; else, at Amazon, that of the bucket, if it can be found in time.
async fn region(cx: &Context, bucket: &str) -> String {
    let configured = &cx.settings.bucket_location;
    let is_unknown = matches!(configured.trim(), "" | "US");
    if is_unknown && cx.endpoint().is_amazon() {
        match tokio::time::timeout(REGION_TIMEOUT, cx.client().find_region(bucket)).await {
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

/// The signature version of a URL.
#[derive(Debug, PartialEq, Eq)]
enum Version {
    /// Version 4, valid for the given number of seconds.
    V4(u64),
    /// Version 2, with the reason.
    V2(&'static str),
}

fn version(requests_v2: bool, lifetime: i64) -> Version {
    match u64::try_from(lifetime) {
        _ if requests_v2 => Version::V2("signature_v2 is set"),
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
