//! `ws-info s3://BUCKET...`: shows the static website hosting settings of buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::each;
use crate::output::{Event, Failure, Outcome};
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Prints the website configuration of each bucket, with its address as the template `website_endpoint` gives it.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &bucket_uris(args)?, async |uri| show(cx, uri).await).await
}

async fn show(cx: &Context, uri: &S3Uri) -> Outcome {
    let website = match cx.client().website(&uri.bucket).await {
        Ok(website) => website,
        Err(error) if error.is_not_found() && error.code() != "NoSuchBucket" => {
            let (endpoint, index, error) = (None, None, None);
            let bucket = uri.bucket.as_str();
            return cx.console.print(&Event::Website { bucket, endpoint, index, error, configured: false });
        }
        Err(error) => return Err(Failure::about_bucket(error)),
    };
    let location = cx.client().bucket_location(&uri.bucket).await.map_err(Failure::about_bucket)?;
    let endpoint = cx.settings.website_endpoint.replace("%(bucket)s", &uri.bucket);
    cx.console.print(&Event::Website {
        bucket: &uri.bucket,
        endpoint: Some(endpoint.replace("%(location)s", &location)),
        index: website.index.as_deref(),
        error: website.error.as_deref(),
        configured: true,
    })
}
