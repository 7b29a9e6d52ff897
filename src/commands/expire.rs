//! `expire s3://BUCKET...`: deletes objects automatically after some days or at a date.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::config::Settings;
use crate::output::{Failure, Outcome};
use s3cmd_client::model::documents::{Document, Kind};
use std::ffi::OsString;

/// Replaces the lifecycle rules of each bucket with one rule made from `--expiry-days` or `--expiry-date`, and
/// `--expiry-prefix`. Without any of them the rules are deleted.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let document = rule(&cx.settings)?;
    let uris = bucket_uris(args)?;
    let outcome = each(cx, &uris, async |uri| match &document {
        Some(document) => {
            let message = SuccessMessage::of_bucket("expiration configuration is set");
            document::set(cx, uri, document, message).await
        }
        None => {
            let message = SuccessMessage::of_bucket("expiration configuration is deleted");
            document::delete(cx, uri, Kind::Lifecycle, message).await
        }
    });
    let outcome = outcome.await;
    document::end_of_dry_run(cx);
    outcome
}

/// The document with the rule that the options request; `None` if they request none.
fn rule(settings: &Settings) -> Outcome<Option<Document>> {
    let given = |text: &'_ str| !text.is_empty();
    let (days, date) = (settings.expiry_days.as_str(), settings.expiry_date.as_str());
    let prefix = settings.expiry_prefix.as_str();
    let document = match (given(days), given(date)) {
        (true, false) => Document::expiry(prefix, Some(days), None),
        (false, true) => Document::expiry(prefix, None, Some(date)),
        (false, false) if prefix.is_empty() => return Ok(None),
        _ => return Err(Failure::parameter("Expect either --expiry-day or --expiry-date")),
    };
    document.check("").map_err(Failure::parameter)?;
    Ok(Some(document))
}
