//! Finds the test bucket, its addressing style and its region.

use super::cleanup::Cleanup;
use super::hints::hint;
use super::random_name;
use super::report::Report;
use crate::commands::shared::context::Context;
use crate::output::{Outcome, error_text};
use s3cmd_client::endpoint::Endpoint;
use s3cmd_client::list::ListOptions;
use s3cmd_client::{Client, ClientOptions, ConnectionFailure, Error, Signature};

/// The bucket in which the test stores its objects.
#[derive(Debug)]
pub(super) struct TestBucket {
    /// A client that can access the bucket.
    pub(super) client: Client,
    /// Name of the bucket.
    pub(super) name: String,
    /// The prefix of all test objects.
    pub(super) prefix: String,
    /// Removes the objects, and the bucket if it is temporary.
    pub(super) cleanup: Cleanup,
}

/// Opens or creates the bucket, in the configured addressing style or, if that fails, in the other one.
pub(super) async fn find(
    cx: &Context,
    options: ClientOptions,
    requested: Option<String>,
    report: &mut Report,
) -> Outcome<Option<TestBucket>> {
    let is_temporary = requested.is_none();
    let id = random_name()?;
    let bucket = requested.unwrap_or_else(|| format!("s3cmd-check-{id}"));
    let endpoint = options.endpoint.clone();
    let other = options.clone().with_endpoint(other_style(cx, &endpoint, &bucket));
    let prefix = format!("s3cmd-check-{id}/");
    let (cleanup, error) = match open(cx, &options, &bucket, &prefix, is_temporary).await {
        Ok(cleanup) => (cleanup, None),
        Err(error) => match open(cx, &other, &bucket, &prefix, is_temporary).await {
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
            let works = match Client::new(other.clone()).probe(Some(&bucket)).await {
                Ok(probe) if probe.is_listing => "works too",
                _ => "does not work",
            };
            report.ok("addressing", format!("{}; {} {works}", style(&endpoint), style(&other.endpoint)))?;
        }
    }
    Ok(Some(TestBucket { client, name: bucket, prefix, cleanup }))
}

/// Creates the temporary bucket, or checks that the requested one can be listed.
async fn open(
    cx: &Context,
    options: &ClientOptions,
    bucket: &str,
    prefix: &str,
    is_temporary: bool,
) -> Result<Cleanup, Error> {
    let client = Client::new(options.clone());
    // Created before the bucket is, so that an interruption does not leave the bucket behind.
    let cleanup = Cleanup::new(options.clone(), bucket, prefix, is_temporary);
    let opened = if is_temporary {
        let location = Some(cx.settings.bucket_location.as_str());
        let location =
            location.filter(|name| !matches!(name.to_ascii_lowercase().as_str(), "" | "us" | "us-east-1"));
        client.create_bucket(bucket, location, &[]).await
    } else {
        let one = ListOptions::default().with_page_size(1);
        client.list_page(bucket, &one, None).await.map(drop)
    };
    match opened {
        Ok(()) => Ok(cleanup),
        Err(error) => {
            // A request whose response was lost may still have been executed.
            let is_lost = matches!(
                error,
                Error::Connection { kind: ConnectionFailure::Timeout | ConnectionFailure::Broken, .. }
            );
            if !is_lost {
                cleanup.cancel();
            }
            Err(error)
        }
    }
}

/// The endpoint in the other addressing style: path style instead of virtual host, or the reverse.
fn other_style(cx: &Context, endpoint: &Endpoint, bucket: &str) -> Endpoint {
    let base = format!("{}{}", endpoint.host, endpoint.path);
    let template = if endpoint.is_virtual_host(bucket) { base.clone() } else { format!("%(bucket)s.{base}") };
    Endpoint::new(&base, &template, endpoint.https, cx.settings.is_strict())
}

/// Reports the bucket's region and lists it.
pub(super) async fn inspect(cx: &Context, bucket: &TestBucket, report: &mut Report) -> Outcome {
    let client = &bucket.client;
    match client.bucket_location(&bucket.name).await {
        Ok(region) => {
            let signed = match client.signature() {
                Signature::V2 => "version 2 signatures do not need it".to_owned(),
                Signature::V4 => format!("signatures name {}", client.region(Some(&bucket.name))),
            };
            report.ok("region", format!("{region}; {signed}"))?;
        }
        Err(error) => {
            report.note("region", format!("the bucket's region cannot be read: {}", error_text(&error)))?;
        }
    }
    let one = ListOptions::default().with_page_size(1);
    match client.list_page(&bucket.name, &one, None).await {
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
