//! `cfmodify cf://ID...`: changes CloudFront distributions.

use super::cloudfront::{changes, named, say, say_name, service, switch};
use super::context::Cx;
use super::document::end_of_dry_run;
use crate::output::Outcome;
use std::ffi::OsString;

/// Changes what the options name, and nothing else. A configuration that somebody else has changed meanwhile is not
/// overwritten: the service refuses an ETag that is out of date.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
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
        cx.console.line(format!("Distribution modified: {uri}"))?;
        say_name(cx, &now)?;
        say(cx, "Status", &now.status)?;
        say(cx, "CNAMEs", now.cnames.join(", "))?;
        say(cx, "Comment", &now.comment)?;
        say(cx, "Enabled", switch(now.enabled))?;
        say(cx, "DefaultRootObject", &now.default_root_object)?;
        say(cx, "Etag", &etag)?;
    }
    end_of_dry_run(cx);
    Ok(())
}
