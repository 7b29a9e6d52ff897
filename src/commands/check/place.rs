//! The bucket of the test, how it is addressed, and where it is.

use super::cleanup::Cleanup;
use super::hints::hint;
use super::random_name;
use super::report::Report;
use crate::commands::shared::context::Context;
use crate::output::Outcome;
use crate::s3::endpoint::Endpoint;
use crate::s3::list::ListOptions;
use crate::s3::{Client, ClientOptions, ConnectionFailure, Error, Signature};

/// Where the test stores its objects.
#[derive(Debug)]
pub(super) struct Place {
    /// A client that reaches the bucket.
    pub(super) client: Client,
    /// Bucket.
    pub(super) bucket: String,
    /// What the keys of all test objects begin with.
    pub(super) prefix: String,
    /// Removes the objects, and the bucket if it is temporary.
    pub(super) cleanup: Cleanup,
}

/// Finds or makes the bucket, in the configured addressing style or, where that fails, in the other one.
pub(super) async fn find(
    cx: &Context,
    options: ClientOptions,
    given: Option<String>,
    report: &mut Report,
) -> Outcome<Option<Place>> {
    let is_temporary = given.is_none();
    let id = random_name()?;
    let bucket = given.unwrap_or_else(|| format!("s3cmd-check-{id}"));
    let endpoint = options.endpoint.clone();
    let other = ClientOptions { endpoint: other_style(cx, &endpoint, &bucket), ..options.clone() };
    let prefix = format!("s3cmd-check-{id}/");
    let (cleanup, error) = match enter(cx, &options, &bucket, &prefix, is_temporary).await {
        Ok(cleanup) => (cleanup, None),
        Err(error) => match enter(cx, &other, &bucket, &prefix, is_temporary).await {
            Ok(cleanup) if other.endpoint != endpoint => (cleanup, Some(error)),
            Ok(_) | Err(_) => {
                let hint = hint(&cx.settings, &error);
                report.error("bucket", error, &hint)?;
                return Ok(None);
            }
        },
    };
    let options = if error.is_some() { other.clone() } else { options };
    let client = Client::new(options);
    let kind = if is_temporary { "temporary" } else { "as given" };
    report.ok("bucket", format!("s3://{bucket} ({kind})"))?;
    let style = |endpoint: &Endpoint| {
        let host = endpoint.target(Some(&bucket), None).host;
        if endpoint.is_virtual_host(&bucket) {
            format!("virtual host ({host})")
        } else {
            "path style".to_owned()
        }
    };
    match error {
        Some(error) => {
            let host_bucket = if endpoint.is_virtual_host(&bucket) {
                cx.settings.host_base.clone()
            } else {
                format!("%(bucket)s.{}{}", endpoint.host, endpoint.path)
            };
            report.error("addressing", error, &format!("host_bucket = {host_bucket}"))?;
        }
        None => {
            let too = match Client::new(other.clone()).probe(Some(&bucket)).await {
                Ok(probe) if probe.is_listing => "works too",
                _ => "does not work",
            };
            report.ok("addressing", format!("{}; {} {too}", style(&endpoint), style(&other.endpoint)))?;
        }
    }
    Ok(Some(Place { client, bucket, prefix, cleanup }))
}

/// Makes the temporary bucket, or sees whether the given one can be listed.
async fn enter(
    cx: &Context,
    options: &ClientOptions,
    bucket: &str,
    prefix: &str,
    is_temporary: bool,
) -> Result<Cleanup, Error> {
    let client = Client::new(options.clone());
    // It is there before the bucket is: an interruption must not leave the bucket behind.
    let cleanup = Cleanup::new(options.clone(), bucket, prefix, is_temporary);
    let entered = if is_temporary {
        let location = Some(cx.settings.bucket_location.as_str());
        let location =
            location.filter(|name| !matches!(name.to_ascii_lowercase().as_str(), "" | "us" | "us-east-1"));
        client.create_bucket(bucket, location, &[]).await
    } else {
        let one = ListOptions { page_size: Some(1), ..ListOptions::default() };
        client.list_page(bucket, &one, None).await.map(drop)
    };
    match entered {
        Ok(()) => Ok(cleanup),
        Err(error) => {
            // A request whose answer was lost may have been carried out all the same.
            let is_lost = matches!(
                error,
                Error::Connection { kind: ConnectionFailure::Timeout | ConnectionFailure::Broken, .. }
            );
            if !is_lost {
                cleanup.forget();
            }
            Err(error)
        }
    }
}

/// The endpoint with the bucket in the path where it was in the host name, and the other way round.
fn other_style(cx: &Context, endpoint: &Endpoint, bucket: &str) -> Endpoint {
    let settings = &cx.settings;
    let base = format!("{}{}", endpoint.host, endpoint.path);
    let template = if endpoint.is_virtual_host(bucket) { base.clone() } else { format!("%(bucket)s.{base}") };
    let strict = settings.check_ssl_certificate && settings.check_ssl_hostname;
    Endpoint::new(&base, &template, endpoint.https, strict)
}

/// The bucket's region and its listing.
pub(super) async fn look_around(cx: &Context, place: &Place, report: &mut Report) -> Outcome {
    let client = &place.client;
    match client.bucket_location(&place.bucket).await {
        Ok(region) => {
            let signed = match client.signature() {
                Signature::V2 => "version 2 signatures need none".to_owned(),
                Signature::V4 => format!("signatures name {}", client.region(Some(&place.bucket))),
            };
            report.ok("region", format!("{region}; {signed}"))?;
        }
        Err(error) => report.note("region", format!("the bucket's region cannot be read: {error}"))?,
    }
    let one = ListOptions { page_size: Some(1), ..ListOptions::default() };
    match client.list_page(&place.bucket, &one, None).await {
        Ok(page) => {
            let what = if page.entries().next().is_none() {
                "the bucket is empty"
            } else {
                "the bucket holds objects"
            };
            report.ok("list", what)
        }
        Err(error) => {
            let hint = hint(&cx.settings, &error);
            report.error("list", error, &hint)
        }
    }
}
