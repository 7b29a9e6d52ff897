//! How `cfinfo` and `cflist` show CloudFront distributions.

use crate::commands::shared::cloudfront::{boolean, distribution_details, find_distributions, service};
use crate::commands::shared::context::Context;
use crate::output::{Event, Outcome};
use crate::uri::S3Uri;
use s3cmd_client::ops::cloudfront::{Distribution, Logging};
use std::ffi::OsString;

/// Prints the details of the distributions that the arguments name, by id or by bucket. Without arguments, prints a
/// short list of all distributions.
pub(crate) async fn show(cx: &Context, args: &[OsString]) -> Outcome {
    let service = service(cx);
    if args.is_empty() {
        for distribution in service.distributions().await? {
            print_short(cx, &distribution)?;
        }
        return Ok(());
    }
    for uri in find_distributions(cx, &service, args).await? {
        let (distribution, etag) = service.distribution(&uri.distribution).await?;
        print_full(cx, &distribution, &etag)?;
    }
    Ok(())
}

fn print_short(cx: &Context, distribution: &Distribution) -> Outcome {
    let mut details = distribution_details(distribution, None);
    if !distribution.cnames.is_empty() {
        details.lines.push(("CNAMEs", distribution.cnames.join(", ")));
    }
    details.lines.push(("Status", distribution.status.clone()));
    details.lines.push(("Enabled", boolean(distribution.enabled).to_owned()));
    cx.console.print(&Event::Distribution(details))?;
    cx.console.print_decoration("")
}

fn print_full(cx: &Context, distribution: &Distribution, etag: &str) -> Outcome {
    let logging = distribution.logging.as_ref().map(target);
    let mut details = distribution_details(distribution, Some(etag));
    details.logging = logging.as_deref();
    details.lines.extend([
        ("CNAMEs", distribution.cnames.join(", ")),
        ("Status", distribution.status.clone()),
        ("Comment", distribution.comment.clone()),
        ("Enabled", boolean(distribution.enabled).to_owned()),
        ("DfltRootObject", distribution.default_root_object.clone()),
        ("Logging", logging.clone().unwrap_or_else(|| "Disabled".to_owned())),
        ("Etag", etag.to_owned()),
    ]);
    cx.console.print(&Event::Distribution(details))
}

fn target(logging: &Logging) -> String {
    S3Uri::new(logging.bucket().unwrap_or(&logging.host), &logging.prefix).to_string()
}
