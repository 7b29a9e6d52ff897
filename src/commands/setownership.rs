//! `setownership s3://BUCKET RULE`: says who owns what others put into the bucket.

use super::context::Cx;
use super::document;
use crate::output::{Failure, Outcome};
use std::ffi::OsString;

const RULES: [&str; 3] = ["BucketOwnerPreferred", "BucketOwnerEnforced", "ObjectWriter"];

/// Sets the ownership rule; its name is read in any case.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = document::only_bucket(&args[0], "setownership")?;
    let got = args[1].to_string_lossy();
    let Some(rule) = RULES.into_iter().find(|rule| rule.eq_ignore_ascii_case(&got)) else {
        return Err(Failure::parameter(format!(
            "Must be bucketownerpreferred or bucketownerenforced or objectwriter. Got: {got}"
        )));
    };
    if !cx.settings.dry_run {
        cx.client().set_ownership(&uri.bucket, rule).await?;
    }
    document::said(cx, &uri, "Bucket Object Ownership updated")
}
