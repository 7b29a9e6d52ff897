//! `ws-delete s3://BUCKET...`: makes buckets be websites no more.

use super::context::{Cx, bucket_uris};
use super::document::{self, Said};
use super::each::each;
use crate::output::Outcome;
use crate::s3::documents::Kind;
use std::ffi::OsString;

/// Deletes the website configuration of each bucket.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let said = Said::of_bucket("website configuration deleted");
    let uris = bucket_uris(args)?;
    let outcome = each(cx, &uris, async |uri| document::delete(cx, uri, Kind::Website, said).await).await;
    document::end_of_dry_run(cx);
    outcome
}
