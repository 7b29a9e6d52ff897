//! `ws-create s3://BUCKET...`: makes websites of buckets.

use super::context::{Cx, bucket_uri};
use super::document::{end_of_dry_run, said_of_bucket};
use crate::output::{Failure, Outcome};
use crate::s3::subresources::Website;
use std::ffi::OsString;

/// Makes each bucket a website with the documents of `--ws-index` and `--ws-error`.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let named = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let index = Some(cx.settings.website_index.clone());
    let website = Website { index, error: named(&cx.settings.website_error) };
    for argument in args {
        let uri = bucket_uri(argument)?;
        if !cx.settings.dry_run {
            cx.client().set_website(&uri.bucket, &website).await.map_err(Failure::about_bucket)?;
        }
        said_of_bucket(cx, &uri, "website configuration created")?;
    }
    end_of_dry_run(cx);
    Ok(())
}
