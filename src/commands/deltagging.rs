//! `deltagging s3://BUCKET[/KEY]`: takes the tags of a bucket or an object away.

use super::context::Cx;
use super::document::{bucket_of, said};
use crate::output::Outcome;
use std::ffi::OsString;

/// Deletes the tags of a bucket or an object.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_of(&args[0])?;
    if !cx.settings.dry_run {
        cx.client().delete_document(&uri.bucket, uri.key_option(), "tagging").await?;
    }
    said(cx, &uri, "Tagging deleted")
}
