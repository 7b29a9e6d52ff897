//! `multipart s3://BUCKET... [ID]`: shows unfinished multipart uploads.

use crate::commands::shared::arguments::buckets_of;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use crate::s3::list::Upload;
use crate::uri::{Location, S3Uri};
use std::ffi::OsString;

/// Prints the unfinished uploads of each bucket: start, object, upload id. A key behind the bucket does not matter (measured
/// on s3cmd 2.4.0). A last argument that is no URI is an upload id; then only that upload is shown.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let (uris, wanted) = match args {
        [uris @ .., id] if !uris.is_empty() && matches!(Location::parse(id), Location::Local(_)) => {
            (uris, Some(id.to_string_lossy()))
        }
        uris => (uris, None),
    };
    each(cx, &buckets_of(uris)?, async |uri| show(cx, uri, wanted.as_deref()).await).await
}

async fn show(cx: &Context, uri: &S3Uri, wanted: Option<&str>) -> Outcome {
    let uploads = cx.client().list_uploads(&uri.bucket, "").await?;
    cx.console.ornament(&uri.to_string())?;
    cx.console.ornament("Initiated\tPath\tId")?;
    let is_wanted = |upload: &&Upload| wanted.is_none_or(|wanted| upload.id == wanted);
    for Upload { key, id, initiated, .. } in uploads.iter().filter(is_wanted) {
        let uri = &uri.with_key(key);
        cx.console.stream(&Event::MultipartUpload { uri, upload_id: id, initiated })?;
    }
    cx.console.flush()
}
