//! `setownership s3://BUCKET... RULE`: sets Object Ownership for buckets.

use crate::commands::shared::arguments::bucket_uris_for;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::{Failure, Outcome};
use s3cmd_client::model::documents::Document;
use std::ffi::OsString;

const RULES: [&str; 3] = ["BucketOwnerPreferred", "BucketOwnerEnforced", "ObjectWriter"];

/// Sets the ownership rule of each bucket. The rule's name is not case-sensitive.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let Some((word, uris)) = args.split_last() else { return Err(Failure::parameter("Expecting a bucket")) };
    let uris = bucket_uris_for(uris, "setownership")?;
    let word = word.to_string_lossy();
    let Some(rule) = RULES.into_iter().find(|rule| rule.eq_ignore_ascii_case(&word)) else {
        return Err(Failure::parameter(format!(
            "Must be bucketownerpreferred or bucketownerenforced or objectwriter. Got: {word}"
        )));
    };
    let (document, message) =
        (Document::ownership(rule), SuccessMessage::plain("Bucket Object Ownership updated"));
    let outcome = each(cx, &uris, async |uri| document::set(cx, uri, &document, message).await).await;
    document::end_of_dry_run(cx);
    outcome
}
