//! What the CloudFront commands share: the client, arguments, invalidations and output lines.

use crate::commands::shared::arguments::log_target;
use crate::commands::shared::context::Context;
use crate::output::Distribution as DistributionDetails;
use crate::output::{Event, Exit, Failure, InvalidationForm, Outcome};
use crate::uri::{CloudFrontUri, S3Uri};
use chrono::Utc;
use s3cmd_client::ops::cloudfront::{
    Changes, CloudFront, Distribution, Invalidation, Logging, MAX_PATHS, Origin, encoded,
};
use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::Arc;

/// A client for the service at `cloudfront_host`.
pub(crate) fn service(cx: &Context) -> CloudFront {
    let endpoint = cx.settings.cloudfront_endpoint();
    let observer = Arc::new(cx.failures.clone());
    CloudFront::new(cx.client_options().with_endpoint(endpoint).with_observer(observer))
}

/// The distributions that the arguments name: by their own URIs, or by a bucket that they serve.
pub(crate) async fn find_distributions(
    cx: &Context,
    service: &CloudFront,
    args: &[OsString],
) -> Outcome<Vec<CloudFrontUri>> {
    let mut uris = Vec::new();
    let mut all = None;
    let parsed = args.iter().map(|argument| parse(argument)).collect::<Outcome<Vec<_>>>()?;
    for argument in parsed {
        match argument {
            Argument::Distribution(uri) => uris.push(uri),
            Argument::Bucket(uri) => {
                let all = match &mut all {
                    Some(all) => all,
                    none => none.insert(service.distributions().await?),
                };
                let found = distributions_of_bucket(cx, all, &uri)?;
                uris.extend(found.iter().map(|distribution| CloudFrontUri::new(&distribution.id)));
            }
        }
    }
    Ok(uris)
}

enum Argument {
    Distribution(CloudFrontUri),
    Bucket(S3Uri),
}

fn parse(argument: &OsStr) -> Outcome<Argument> {
    let text = argument.to_string_lossy();
    match (CloudFrontUri::parse(&text), S3Uri::parse(&text)) {
        (Some(uri), _) => Ok(Argument::Distribution(uri)),
        (None, Some(uri)) if !uri.bucket.is_empty() => Ok(Argument::Bucket(uri)),
        _ => Err(Failure::parameter(format!("CloudFront or S3 URI required instead of: {text}"))),
    }
}

/// The distributions that serve a bucket. Fails if there are none.
pub(crate) fn distributions_of_bucket(
    cx: &Context,
    all: &[Distribution],
    uri: &S3Uri,
) -> Outcome<Vec<Distribution>> {
    let shows = |distribution: &&Distribution| {
        distribution.origins.iter().any(|origin| is_origin(cx, origin, &uri.bucket))
    };
    let found: Vec<Distribution> = all.iter().filter(shows).cloned().collect();
    if found.is_empty() {
        return Err(Failure::parameter(format!(
            "Unable to translate S3 URI to CloudFront distribution name: {uri}"
        )));
    }
    Ok(found)
}

/// Whether an origin is the bucket: under one of S3's own host names, or under the host name that the configuration
/// gives it.
fn is_origin(cx: &Context, origin: &Origin, bucket: &str) -> bool {
    let target = cx.endpoint().target(Some(bucket), None);
    origin.bucket() == Some(bucket) || (target.bucket_in_host && target.host == origin.host)
}

/// The host name of a bucket as an origin or a log target. CloudFront accepts only those of AWS.
pub(crate) fn host_of(cx: &Context, bucket: &str) -> String {
    let host = cx.endpoint().target(Some(bucket), None).host;
    let origin = Origin { host, path: String::new() };
    match origin.bucket() {
        Some(_) => origin.host,
        None => format!("{bucket}.s3.amazonaws.com"),
    }
}

/// The changes to a distribution that the options request.
pub(crate) fn changes(cx: &Context) -> Outcome<Changes> {
    let settings = &cx.settings;
    let logging = match settings.log_target_prefix.as_deref() {
        Some("") => None,
        None => Some(Logging::default()),
        Some(typed) => {
            let target = log_target(typed)?;
            Some(Logging { enabled: true, host: host_of(cx, &target.bucket), prefix: target.prefix })
        }
    };
    Ok(Changes {
        enabled: settings.enable,
        comment: settings.cf_comment.clone(),
        default_root_object: settings.cf_default_root_object.clone(),
        add_cnames: settings.cf_add_cnames.clone(),
        remove_cnames: settings.cf_remove_cnames.clone(),
        logging,
    })
}

/// The details of a distribution; its lines begin with `Origin`, `DistId` and `DomainName`.
pub(crate) fn distribution_details<'a>(
    distribution: &'a Distribution,
    etag: Option<&'a str>,
) -> DistributionDetails<'a> {
    let origins: Vec<String> = distribution.origins.iter().map(display_origin).collect();
    let lines = vec![
        ("Origin", origins.join(", ")),
        ("DistId", CloudFrontUri::new(&distribution.id).to_string()),
        ("DomainName", distribution.domain_name.clone()),
    ];
    DistributionDetails {
        id: &distribution.id,
        domain_name: &distribution.domain_name,
        origins,
        cnames: &distribution.cnames,
        status: &distribution.status,
        enabled: distribution.enabled,
        comment: &distribution.comment,
        // Lists contain neither this nor an ETag.
        default_root_object: etag.map(|_| distribution.default_root_object.as_str()),
        logging: None,
        etag,
        change: None,
        heading: None,
        lines,
    }
}

/// The event for a new invalidation.
pub(crate) fn invalidation_event<'a>(
    distribution: &'a Distribution,
    invalidation: &'a Invalidation,
    paths: usize,
    form: InvalidationForm<'a>,
) -> Event<'a> {
    let (distribution, id, status) = (&*distribution.id, &*invalidation.id, &*invalidation.status);
    Event::Invalidation { distribution, id, paths, status, created: None, reference: None, form }
}

fn display_origin(origin: &Origin) -> String {
    let path = origin.path.trim_matches('/');
    match origin.bucket() {
        Some(bucket) if path.is_empty() => S3Uri::new(bucket, "").to_string(),
        Some(bucket) => S3Uri::new(bucket, format!("{path}/")).to_string(),
        None => format!("{}{}", origin.host, origin.path),
    }
}

/// A boolean as s3cmd prints it.
pub(crate) fn boolean(on: bool) -> &'static str {
    if on { "True" } else { "False" }
}

/// A bucket whose objects are to be invalidated.
#[derive(Debug)]
pub(crate) struct InvalidationTarget {
    service: CloudFront,
    bucket: String,
    distributions: Vec<Distribution>,
    /// The name of the index documents.
    index: Option<String>,
}

impl InvalidationTarget {
    /// Finds the distributions that serve a bucket, among all distributions.
    pub(crate) async fn find(
        cx: &Context,
        service: &CloudFront,
        all: &[Distribution],
        uri: &S3Uri,
    ) -> Outcome<Self> {
        let distributions = distributions_of_bucket(cx, all, uri)?;
        let index = match cx.client().website(&uri.bucket).await {
            Ok(website) => website.index,
            Err(error) if error.service().is_some() => {
                log::debug!("{uri} is no website: {error}");
                None
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { service: service.clone(), bucket: uri.bucket.clone(), distributions, index })
    }

    /// Invalidates keys, in requests of at most [`MAX_PATHS`], and calls `report` for each request with its number of
    /// paths. After an error a distribution gets no more requests; the others do, unless `--stop-on-error` is given.
    pub(crate) async fn invalidate(
        &self,
        cx: &Context,
        keys: impl Iterator<Item = io::Result<String>>,
        report: impl Fn(&Distribution, &Invalidation, usize) -> Outcome,
    ) -> Outcome {
        let mut pending: Vec<(&Distribution, Vec<String>)> =
            self.distributions.iter().map(|distribution| (distribution, Vec::new())).collect();
        let mut failed = None;
        for key in keys {
            let key = key?;
            for (distribution, paths) in &mut pending {
                for path in self.paths(cx, distribution, &key) {
                    if !paths.contains(&path) {
                        paths.push(path);
                    }
                }
            }
            self.send(cx, &mut pending, MAX_PATHS, &mut failed, &report).await?;
        }
        self.send(cx, &mut pending, 1, &mut failed, &report).await?;
        failed.map_or(Ok(()), |exit| Err(Failure::silent(exit)))
    }

    /// Sends the pending paths of each distribution that has at least `least` of them.
    async fn send(
        &self,
        cx: &Context,
        pending: &mut Vec<(&Distribution, Vec<String>)>,
        least: usize,
        failed: &mut Option<Exit>,
        report: &impl Fn(&Distribution, &Invalidation, usize) -> Outcome,
    ) -> Outcome {
        let mut failed_ids = Vec::new();
        for (distribution, paths) in pending.iter_mut() {
            while paths.len() >= least {
                let batch: Vec<String> = paths.drain(..paths.len().min(MAX_PATHS)).collect();
                match self.service.invalidate(&distribution.id, &batch, &reference(&distribution.id)).await {
                    Ok(invalidation) => report(distribution, &invalidation, batch.len())?,
                    Err(error) if cx.settings.stop_on_error => return Err(error.into()),
                    Err(error) => {
                        let failure = Failure::from(error);
                        for line in &failure.lines {
                            log::error!("{}: {line}", CloudFrontUri::new(&distribution.id));
                        }
                        failed.get_or_insert(failure.exit);
                        failed_ids.push(distribution.id.clone());
                        break;
                    }
                }
            }
        }
        pending.retain(|(distribution, _)| !failed_ids.contains(&distribution.id));
        Ok(())
    }

    /// The paths under which viewers of a distribution request a key. An index document is also requested as its
    /// directory.
    fn paths(&self, cx: &Context, distribution: &Distribution, key: &str) -> Vec<String> {
        let settings = &cx.settings;
        let mut paths = Vec::new();
        for key in self.viewer_keys(cx, distribution, key) {
            let index = self.index.as_deref().filter(|index| !index.is_empty());
            let directory = index
                .and_then(|index| key.strip_suffix(index))
                .filter(|directory| directory.is_empty() || directory.ends_with('/'));
            let root = directory.filter(|_| settings.invalidate_default_index_root_on_cf);
            if root.is_none() || settings.invalidate_default_index_on_cf {
                paths.push(encoded(key));
            }
            paths.extend(root.map(encoded));
        }
        paths
    }

    /// The key as viewers request it: without the path that an origin prepends. A key that no origin serves is used as
    /// it is.
    fn viewer_keys<'a>(&self, cx: &Context, distribution: &Distribution, key: &'a str) -> Vec<&'a str> {
        let mut keys: Vec<&str> = Vec::new();
        for origin in distribution.origins.iter().filter(|origin| is_origin(cx, origin, &self.bucket)) {
            let path = origin.path.trim_matches('/');
            let rest = if path.is_empty() {
                Some(key)
            } else {
                key.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'))
            };
            keys.extend(rest.filter(|rest| !keys.contains(rest)));
        }
        if keys.is_empty() { vec![key] } else { keys }
    }
}

/// A unique caller reference for an invalidation.
fn reference(id: &str) -> String {
    let random = getrandom::u32().unwrap_or_else(|_| std::process::id());
    format!("{id}.{}.{random:08x}", Utc::now().format("%Y%m%d%H%M%S%f"))
}
