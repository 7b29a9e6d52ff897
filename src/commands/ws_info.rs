//! `ws-info s3://BUCKET...`: shows how buckets are websites.

use super::context::{Cx, bucket_uri};
use crate::output::{Failure, Outcome};
use std::ffi::OsString;

/// Prints the website configuration of each bucket, and its address by the template `website_endpoint`.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    for argument in args {
        let uri = bucket_uri(argument)?;
        let website = match cx.client().website(&uri.bucket).await {
            Ok(website) => website,
            Err(error) if error.is_not_found() && error.code() != "NoSuchBucket" => {
                cx.console.line(format!("Bucket {uri}: No website configuration found."))?;
                continue;
            }
            Err(error) => return Err(Failure::about_bucket(error)),
        };
        let location = cx.client().bucket_location(&uri.bucket).await.map_err(Failure::about_bucket)?;
        let endpoint = cx.settings.website_endpoint.replace("%(bucket)s", &uri.bucket);
        let shown = |document: Option<String>| document.unwrap_or_else(|| "None".to_owned());
        cx.console.line(format!("Bucket {uri}: Website configuration"))?;
        cx.console.line(format!("Website endpoint: {}", endpoint.replace("%(location)s", &location)))?;
        cx.console.line(format!("Index document:   {}", shown(website.index)))?;
        cx.console.line(format!("Error document:   {}", shown(website.error)))?;
    }
    Ok(())
}
