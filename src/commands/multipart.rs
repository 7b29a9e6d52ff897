//! `multipart s3://BUCKET`: shows unfinished multipart uploads.

use super::context::Cx;
use super::document::bucket_of;
use crate::output::{Event, Outcome};
use crate::s3::list::Upload;
use std::ffi::OsString;

/// Prints all unfinished uploads of a bucket: start, object, upload id. A key behind the bucket does not matter (measured
/// on s3cmd 2.4.0).
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_of(&args[0])?;
    let uploads = cx.client().list_uploads(&uri.bucket, "").await?;
    cx.console.ornament(&uri.to_string())?;
    cx.console.ornament("Initiated\tPath\tId")?;
    for Upload { key, id, initiated, .. } in &uploads {
        let uri = &uri.with_key(key);
        cx.console.stream(&Event::MultipartUpload { uri, upload_id: id, initiated })?;
    }
    cx.console.flush()
}
