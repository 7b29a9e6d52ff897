//! `cfmodify cf://ID...`: changes CloudFront distributions.

use crate::commands::shared::cloudfront::{
    boolean, changes, distribution_details, find_distributions, service,
};
use crate::commands::shared::context::Context;
use crate::commands::shared::document::end_of_dry_run;
use crate::output::{Distribution, Event, Outcome};
use std::ffi::OsString;

/// Changes only the settings that the options name. The service rejects an outdated ETag, so a concurrent change is
/// never overwritten.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let requested = changes(cx)?;
    let service = service(cx);
    for uri in find_distributions(cx, &service, args).await? {
        let (mut config, etag) = service.config(&uri.distribution).await?;
        let before = config.clone();
        config.change(&requested);
        if cx.settings.dry_run {
            continue;
        }
        let (current, etag) = if config == before {
            service.distribution(&uri.distribution).await?
        } else {
            service.update(&uri.distribution, &config, &etag).await?
        };
        let mut details = distribution_details(&current, Some(&etag));
        details.lines.extend([
            ("Status", current.status.clone()),
            ("CNAMEs", current.cnames.join(", ")),
            ("Comment", current.comment.clone()),
            ("Enabled", boolean(current.enabled).to_owned()),
            ("DefaultRootObject", current.default_root_object.clone()),
            ("Etag", etag.clone()),
        ]);
        let heading = Some(format!("Distribution modified: {uri}"));
        cx.console.print(&Event::Distribution(Distribution {
            change: Some("modified"),
            heading,
            ..details
        }))?;
    }
    end_of_dry_run(cx);
    Ok(())
}
