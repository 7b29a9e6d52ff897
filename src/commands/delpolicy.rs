//! `delpolicy s3://BUCKET...`: deletes the policies of buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::Outcome;
use s3cmd_client::model::documents::Kind;
use std::ffi::OsString;

/// Deletes the policy of each bucket.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let message = SuccessMessage::plain("Policy deleted").when_done();
    let outcome =
        each(cx, &bucket_uris(args)?, async |uri| document::delete(cx, uri, Kind::Policy, message).await)
            .await;
    document::end_of_dry_run(cx);
    outcome
}
