//! `cfcreate s3://BUCKET...`: puts CloudFront distributions in front of buckets.

use super::cloudfront::{changes, host_of, say, say_name, service, switch};
use super::context::Cx;
use super::document::end_of_dry_run;
use crate::output::{Failure, Outcome};
use crate::s3::cloudfront::Config;
use crate::s3::endpoint::is_dns_label;
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Makes a distribution for each bucket. The bucket's URI is the request's reference, as in s3cmd, and the service takes
/// each once: a bucket does not get two distributions by mistake.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let buckets = args.iter().map(bucket).collect::<Outcome<Vec<_>>>()?;
    let wanted = changes(cx)?;
    if cx.settings.dry_run {
        end_of_dry_run(cx);
        return Ok(());
    }
    let service = service(cx);
    for uri in buckets {
        let mut wanted = wanted.clone();
        wanted.comment.get_or_insert_with(|| cx.public_url(&uri));
        let mut config = Config::new(&uri.to_string(), &host_of(cx, &uri.bucket));
        config.change(&wanted);
        let (made, etag) = service.create(&config).await?;
        cx.console.line("Distribution created:")?;
        say_name(cx, &made)?;
        say(cx, "CNAMEs", made.cnames.join(", "))?;
        say(cx, "Comment", &made.comment)?;
        say(cx, "Status", &made.status)?;
        say(cx, "Enabled", switch(made.enabled))?;
        say(cx, "DefaultRootObject", &made.default_root_object)?;
        say(cx, "Etag", &etag)?;
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
