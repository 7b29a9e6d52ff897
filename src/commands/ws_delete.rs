//! `ws-delete s3://BUCKET...`: makes buckets be websites no more.

use super::context::{Cx, bucket_uri};
use super::document::{end_of_dry_run, said_of_bucket};
use crate::output::{Failure, Outcome};
use std::ffi::OsString;

/// Deletes the website configuration of each bucket.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    for argument in args {
        let uri = bucket_uri(argument)?;
        if !cx.settings.dry_run {
            let deleted = cx.client().delete_document(&uri.bucket, None, "website").await;
            deleted.map_err(Failure::about_bucket)?;
        }
        said_of_bucket(cx, &uri, "website configuration deleted")?;
    }
    end_of_dry_run(cx);
    Ok(())
}
