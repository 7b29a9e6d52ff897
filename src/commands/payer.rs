//! `payer s3://BUCKET...`: sets who pays for requests, the bucket owner or the requester.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::{Event, Exit, Failure, Outcome};
use s3cmd_client::model::documents::Document;
use std::ffi::OsString;

/// Makes the requester pay with `--requester-pays`, else the bucket owner.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let document = Document::request_payment(cx.settings.requester_pays);
    let message = SuccessMessage::plain("Payer updated").when_done();
    let uris = bucket_uris(args)?;
    let outcome = each(cx, &uris, async |uri| {
        if cx.settings.dry_run {
            return document::set(cx, uri, &document, message).await;
        }
        let status = cx.client().put(&uri.bucket, None, &document).await?;
        if status == 200 {
            return document::set_with(cx, uri, &document, message, async { Ok(status) }).await;
        }
        cx.console.print(&Event::Unchanged { uri, change: "Payer NOT updated" })?;
        Err(Failure::silent(Exit::CONFLICT))
    });
    let outcome = outcome.await;
    document::end_of_dry_run(cx);
    outcome
}
