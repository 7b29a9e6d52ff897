//! `payer s3://BUCKET`: says who pays for requests, the owner or who makes them.

use super::context::{Cx, bucket_uri};
use super::document::said;
use crate::output::{Event, Exit, Failure, Outcome};
use std::ffi::OsString;

/// Makes the requester pay with `--requester-pays`, else the owner.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_uri(&args[0])?;
    if cx.settings.dry_run {
        return Ok(());
    }
    let status = cx.client().set_request_payer(&uri.bucket, cx.settings.requester_pays).await?;
    if status == 200 {
        return said(cx, &uri, "Payer updated");
    }
    cx.console.tell(&Event::Unchanged { uri: &uri, change: "Payer NOT updated" })?;
    Err(Failure::silent(Exit::CONFLICT))
}
