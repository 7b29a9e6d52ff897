//! `cfinvalinfo cf://ID[/INVALIDATION]...`: shows the progress of invalidations.

use crate::commands::shared::cloudfront::{find_distributions, service};
use crate::commands::shared::context::Context;
use crate::output::{Event, InvalidationForm, Outcome};
use std::ffi::OsString;

/// Prints one invalidation, or all invalidations of a distribution.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let service = service(cx);
    for uri in find_distributions(cx, &service, args).await? {
        let ids = if uri.invalidation.is_empty() {
            service.invalidations(&uri.distribution).await?
        } else {
            vec![uri.invalidation.clone()]
        };
        for id in ids {
            let found = service.invalidation(&uri.distribution, &id).await?;
            cx.console.print(&Event::Invalidation {
                distribution: &uri.distribution,
                id: &found.id,
                paths: found.paths,
                status: &found.status,
                created: Some(&found.created),
                reference: Some(&found.reference),
                form: InvalidationForm::Known,
            })?;
        }
    }
    Ok(())
}
