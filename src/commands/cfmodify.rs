//! `cfmodify cf://ID...`: changes CloudFront distributions.

use crate::commands::shared::cloudfront::{changes, described, named, service, switch};
use crate::commands::shared::context::Context;
use crate::commands::shared::document::end_of_dry_run;
use crate::output::{Distribution, Event, Outcome};
use std::ffi::OsString;

/// Changes what the options name, and nothing else. A configuration that somebody else has changed meanwhile is not
/// overwritten: the service refuses an ETag that is out of date.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let wanted = changes(cx)?;
    let service = service(cx);
    for uri in named(cx, &service, args).await? {
        let (mut config, etag) = service.config(&uri.distribution).await?;
        let before = config.clone();
        config.change(&wanted);
        if cx.settings.dry_run {
            continue;
        }
        let (now, etag) = if config == before {
            service.distribution(&uri.distribution).await?
        } else {
            service.update(&uri.distribution, &config, &etag).await?
        };
        let mut told = described(&now, Some(&etag));
        told.lines.extend([
            ("Status", now.status.clone()),
            ("CNAMEs", now.cnames.join(", ")),
            ("Comment", now.comment.clone()),
            ("Enabled", switch(now.enabled).to_owned()),
            ("DefaultRootObject", now.default_root_object.clone()),
            ("Etag", etag.clone()),
        ]);
        let heading = Some(format!("Distribution modified: {uri}"));
        cx.console.tell(&Event::Distribution(Distribution { change: Some("modified"), heading, ..told }))?;
    }
    end_of_dry_run(cx);
    Ok(())
}
