//! `la`: lists the objects of all buckets.

use crate::commands::shared::context::Context;
use crate::commands::shared::each::Outcomes;
use crate::commands::shared::listing::list_objects;
use crate::output::Outcome;
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Lists the objects of every bucket in the service's order as `ls` does, with an empty line after each. A bucket that
/// cannot be listed is reported, and the others are listed anyway.
pub(crate) async fn run(cx: &Context, _args: &[OsString]) -> Outcome {
    let buckets = cx.client().list_buckets().await?;
    let mut outcomes = Outcomes::new(cx, buckets.len());
    for bucket in buckets {
        let uri = S3Uri::new(bucket.name, "");
        outcomes.record(&uri, list_objects(cx, &uri).await)?;
        cx.console.print_decoration("")?;
    }
    outcomes.outcome()
}
