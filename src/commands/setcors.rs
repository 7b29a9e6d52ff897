//! `setcors FILE s3://BUCKET`: gives the bucket the cross-origin rules of a file.

use super::context::{Cx, bucket_uri};
use super::document;
use crate::output::Outcome;
use std::ffi::OsString;

/// Replaces the rules that browsers ask for by those of an XML file (`-` reads stdin). Nothing is printed where the
/// service answers 200, as most do (measured on s3cmd 2.4.0).
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let text = document::read(&args[0])?;
    let uri = bucket_uri(&args[1])?;
    if cx.settings.dry_run {
        return Ok(());
    }
    let status = cx.client().put_document(&uri.bucket, None, "cors", text, "application/xml").await?;
    document::said_if_204(cx, &uri, "CORS updated", status)
}
