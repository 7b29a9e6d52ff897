//! `payer s3://BUCKET...`: says who pays for requests, the owner or who makes them.

use super::context::{Cx, bucket_uris};
use super::document::{self, Said};
use super::each::each;
use crate::output::{Event, Exit, Failure, Outcome};
use crate::s3::documents::Document;
use std::ffi::OsString;

/// Makes the requester pay with `--requester-pays`, else the owner.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let document = Document::request_payment(cx.settings.requester_pays);
    let said = Said::plain("Payer updated").when_done();
    let uris = bucket_uris(args)?;
    let outcome = each(cx, &uris, async |uri| {
        if cx.settings.dry_run {
            return document::set(cx, uri, &document, said).await;
        }
        let status = cx.client().put(&uri.bucket, None, &document).await?;
        if status == 200 {
            return document::set_by(cx, uri, &document, said, async { Ok(status) }).await;
        }
        cx.console.tell(&Event::Unchanged { uri, change: "Payer NOT updated" })?;
        Err(Failure::silent(Exit::CONFLICT))
    });
    let outcome = outcome.await;
    document::end_of_dry_run(cx);
    outcome
}
