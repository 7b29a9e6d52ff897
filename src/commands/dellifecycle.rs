//! `dellifecycle s3://BUCKET...`: takes the lifecycle rules of buckets away.

use super::context::{Cx, bucket_uris};
use super::document::{self, Said};
use super::each::each;
use crate::output::Outcome;
use crate::s3::documents::Kind;
use std::ffi::OsString;

/// Deletes the lifecycle rules of each bucket.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let said = Said::plain("Lifecycle Policy deleted").when_done();
    let outcome =
        each(cx, &bucket_uris(args)?, async |uri| document::delete(cx, uri, Kind::Lifecycle, said).await)
            .await;
    document::end_of_dry_run(cx);
    outcome
}
