//! `cfinvalinfo cf://ID[/INVALIDATION]...`: shows how far invalidations are.

use super::cloudfront::{named, say, service};
use super::context::Cx;
use crate::output::Outcome;
use crate::uri::CloudFrontUri;
use std::ffi::OsString;

/// Describes an invalidation, or all of a distribution.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let service = service(cx);
    for uri in named(cx, &service, args).await? {
        let ids = if uri.invalidation.is_empty() {
            service.invalidations(&uri.distribution).await?
        } else {
            vec![uri.invalidation.clone()]
        };
        for id in ids {
            let found = service.invalidation(&uri.distribution, &id).await?;
            let uri = CloudFrontUri { invalidation: found.id, ..CloudFrontUri::new(&uri.distribution) };
            say(cx, "URI", uri)?;
            say(cx, "Status", &found.status)?;
            say(cx, "Created", &found.created)?;
            say(cx, "Nr of paths", found.paths)?;
            say(cx, "Reference", &found.reference)?;
            cx.console.line("")?;
        }
    }
    Ok(())
}
