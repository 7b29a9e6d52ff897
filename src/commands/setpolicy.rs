//! `setpolicy FILE s3://BUCKET...`: sets the policies of buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::Outcome;
use s3cmd_client::model::documents::{Document, Kind};
use std::ffi::OsString;

/// Replaces the policy of each bucket with that of a JSON file (`-` is stdin), which may be the output of `getpolicy`.
/// For a single bucket the message is printed only if the service returns 204, as S3 does (measured on s3cmd 2.4.0).
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let text = document::read(&args[0])?;
    let text = text.trim_start().strip_prefix("Policy:").map_or(text.as_str(), str::trim_start);
    let document = Document::new(Kind::Policy, text);
    let uris = bucket_uris(&args[1..])?;
    let message = SuccessMessage::plain("Policy updated").if_204(uris.len() > 1);
    let outcome = each(cx, &uris, async |uri| {
        if let Err(refused) = document::check(cx, uri, &document) {
            // A missing bucket is the more useful error.
            return match cx.client().get(&uri.bucket, None, Kind::Policy).await {
                Err(error) if error.code() == "NoSuchBucket" => Err(error.into()),
                _ => Err(refused),
            };
        }
        document::set(cx, uri, &document, message).await
    });
    let outcome = outcome.await;
    document::end_of_dry_run(cx);
    outcome
}
