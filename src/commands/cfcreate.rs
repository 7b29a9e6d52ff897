//! `cfcreate s3://BUCKET...`: creates CloudFront distributions for buckets.

use crate::commands::shared::cloudfront::{boolean, changes, distribution_details, host_of, service};
use crate::commands::shared::context::Context;
use crate::commands::shared::document::end_of_dry_run;
use crate::output::{Distribution, Event, Failure, Outcome};
use crate::uri::S3Uri;
use s3cmd_client::endpoint::is_dns_label;
use s3cmd_client::ops::cloudfront::Config;
use std::ffi::OsString;

/// Creates a distribution for each bucket. As in s3cmd, the bucket's URI is the caller reference. CloudFront accepts a
/// reference only once, so a bucket cannot get two distributions by mistake.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let buckets = args.iter().map(bucket).collect::<Outcome<Vec<_>>>()?;
    let requested = changes(cx)?;
    if cx.settings.dry_run {
        end_of_dry_run(cx);
        return Ok(());
    }
    let service = service(cx);
    for uri in buckets {
        let mut requested = requested.clone();
        requested.comment.get_or_insert_with(|| cx.public_url(&uri));
        let mut config = Config::new(&uri.to_string(), &host_of(cx, &uri.bucket));
        config.change(&requested);
        let (created, etag) = service.create(&config).await?;
        let mut details = distribution_details(&created, Some(&etag));
        details.lines.extend([
            ("CNAMEs", created.cnames.join(", ")),
            ("Comment", created.comment.clone()),
            ("Status", created.status.clone()),
            ("Enabled", boolean(created.enabled).to_owned()),
            ("DefaultRootObject", created.default_root_object.clone()),
            ("Etag", etag.clone()),
        ]);
        let heading = Some("Distribution created:".to_owned());
        cx.console.print(&Event::Distribution(Distribution {
            change: Some("created"),
            heading,
            ..details
        }))?;
    }
    Ok(())
}

fn bucket(argument: &OsString) -> Outcome<S3Uri> {
    let text = argument.to_string_lossy();
    let Some(uri) = S3Uri::parse(&text).filter(|uri| !uri.bucket.is_empty()) else {
        return Err(Failure::parameter(format!(
            "Distribution can only be created from a s3:// URI instead of: {text}"
        )));
    };
    if uri.has_key() {
        return Err(Failure::parameter(format!("Use s3:// URI with a bucket name only instead of: {text}")));
    }
    if !is_dns_label(&uri.bucket) {
        return Err(Failure::parameter("CloudFront can only handle lowercase-named buckets."));
    }
    Ok(uri)
}
