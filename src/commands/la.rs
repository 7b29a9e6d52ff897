//! `la`: lists the objects of all buckets.

use super::ls::list_objects;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::Ends;
use crate::output::Outcome;
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Lists every bucket in the service's order as `ls` does, an empty line after each. One that cannot be listed is named and
/// keeps the others from nothing.
pub async fn run(cx: &Context, _args: &[OsString]) -> Outcome {
    let buckets = cx.client().list_buckets().await?;
    let mut ends = Ends::of(cx, buckets.len());
    for bucket in buckets {
        let uri = S3Uri::new(bucket.name, "");
        ends.note(&uri, list_objects(cx, &uri).await)?;
        cx.console.ornament("")?;
    }
    ends.outcome()
}
