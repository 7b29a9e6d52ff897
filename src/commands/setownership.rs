//! `setownership s3://BUCKET... RULE`: says who owns what others put into buckets.

use crate::commands::shared::arguments::only_buckets;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::{Failure, Outcome};
use crate::s3::documents::Document;
use std::ffi::OsString;

const RULES: [&str; 3] = ["BucketOwnerPreferred", "BucketOwnerEnforced", "ObjectWriter"];

/// Sets the ownership rule of each bucket; its name is read in any case.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let Some((got, uris)) = args.split_last() else { return Err(Failure::parameter("Expecting a bucket")) };
    let uris = only_buckets(uris, "setownership")?;
    let got = got.to_string_lossy();
    let Some(rule) = RULES.into_iter().find(|rule| rule.eq_ignore_ascii_case(&got)) else {
        return Err(Failure::parameter(format!(
            "Must be bucketownerpreferred or bucketownerenforced or objectwriter. Got: {got}"
        )));
    };
    let (document, message) =
        (Document::ownership(rule), SuccessMessage::plain("Bucket Object Ownership updated"));
    let outcome = each(cx, &uris, async |uri| document::set(cx, uri, &document, message).await).await;
    document::end_of_dry_run(cx);
    outcome
}
