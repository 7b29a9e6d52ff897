//! `listmp s3://BUCKET/KEY ID`: shows the stored parts of a multipart upload.

use super::abortmp::upload_of;
use super::context::Cx;
use crate::output::Outcome;
use std::ffi::OsString;

/// Prints the parts that an unfinished upload has stored so far.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let (uri, id) = upload_of(args)?;
    let parts = cx.client().list_parts(&uri.bucket, &uri.key, &id).await?;
    cx.console.line("LastModified\t\t\tPartNumber\tETag\tSize")?;
    for part in parts {
        let line = format!("{}\t{}\t{}\t{}", part.modified, part.number, part.etag, part.size);
        cx.console.stream(line)?;
    }
    cx.console.flush()
}
