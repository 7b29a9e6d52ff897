//! `cfinfo [cf://ID]...`: shows what is known about CloudFront distributions.

use crate::commands::shared::cloudfront::{described, named, service, switch};
use crate::commands::shared::context::Context;
use crate::output::{Event, Outcome};
use crate::s3::cloudfront::{Distribution, Logging};
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Describes each distribution that is named, itself or by its bucket; without a name, lists all in short.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
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

fn in_short(cx: &Context, distribution: &Distribution) -> Outcome {
    let mut told = described(distribution, None);
    if !distribution.cnames.is_empty() {
        told.lines.push(("CNAMEs", distribution.cnames.join(", ")));
    }
    told.lines.push(("Status", distribution.status.clone()));
    told.lines.push(("Enabled", switch(distribution.enabled).to_owned()));
    cx.console.tell(&Event::Distribution(told))?;
    cx.console.ornament("")
}

fn in_full(cx: &Context, distribution: &Distribution, etag: &str) -> Outcome {
    let logging = distribution.logging.as_ref().map(target);
    let mut told = described(distribution, Some(etag));
    told.logging = logging.as_deref();
    told.lines.extend([
        ("CNAMEs", distribution.cnames.join(", ")),
        ("Status", distribution.status.clone()),
        ("Comment", distribution.comment.clone()),
        ("Enabled", switch(distribution.enabled).to_owned()),
        ("DfltRootObject", distribution.default_root_object.clone()),
        ("Logging", logging.clone().unwrap_or_else(|| "Disabled".to_owned())),
        ("Etag", etag.to_owned()),
    ]);
    cx.console.tell(&Event::Distribution(told))
}

fn target(logging: &Logging) -> String {
    S3Uri::new(logging.bucket().unwrap_or(&logging.host), &logging.prefix).to_string()
}
