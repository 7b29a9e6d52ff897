//! `listmp s3://BUCKET/KEY ID`: shows the stored parts of a multipart upload.

use crate::commands::shared::arguments::upload_and_id;
use crate::commands::shared::context::Context;
use crate::output::{Event, Outcome};
use s3cmd_client::list::Part;
use std::ffi::OsString;

/// Prints the parts that an unfinished upload has stored so far.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let (uri, id) = upload_and_id(args)?;
    let parts = cx.client().list_parts(&uri.bucket, &uri.key, &id).await?;
    cx.console.print_decoration("LastModified\t\t\tPartNumber\tETag\tSize")?;
    for Part { number, etag, size, modified } in &parts {
        cx.console.stream(&Event::Part { uri: &uri, number: *number, size: *size, modified, etag })?;
    }
    cx.console.flush()
}
