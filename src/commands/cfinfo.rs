//! `cfinfo [cf://ID]...`: shows what is known about CloudFront distributions.

use super::cloudfront::{named, say, say_name, service, switch};
use super::context::Cx;
use crate::output::Outcome;
use crate::s3::cloudfront::{Distribution, Logging};
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Describes each distribution that is named, itself or by its bucket; without a name, lists all in short.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let service = service(cx);
    if args.is_empty() {
        for distribution in service.distributions().await? {
            in_short(cx, &distribution)?;
        }
        return Ok(());
    }
    for uri in named(cx, &service, args).await? {
        let (distribution, etag) = service.distribution(&uri.distribution).await?;
        in_full(cx, &distribution, &etag)?;
    }
    Ok(())
}

fn in_short(cx: &Cx, distribution: &Distribution) -> Outcome {
    say_name(cx, distribution)?;
    if !distribution.cnames.is_empty() {
        say(cx, "CNAMEs", distribution.cnames.join(", "))?;
    }
    say(cx, "Status", &distribution.status)?;
    say(cx, "Enabled", switch(distribution.enabled))?;
    cx.console.line("")
}

fn in_full(cx: &Cx, distribution: &Distribution, etag: &str) -> Outcome {
    say_name(cx, distribution)?;
    say(cx, "CNAMEs", distribution.cnames.join(", "))?;
    say(cx, "Status", &distribution.status)?;
    say(cx, "Comment", &distribution.comment)?;
    say(cx, "Enabled", switch(distribution.enabled))?;
    say(cx, "DfltRootObject", &distribution.default_root_object)?;
    say(cx, "Logging", distribution.logging.as_ref().map_or_else(|| "Disabled".to_owned(), target))?;
    say(cx, "Etag", etag)
}

fn target(logging: &Logging) -> String {
    S3Uri::new(logging.bucket().unwrap_or(&logging.host), &logging.prefix).to_string()
}
