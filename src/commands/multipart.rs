//! `multipart s3://BUCKET... [ID]`: shows unfinished multipart uploads.

use crate::commands::shared::arguments::target_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use crate::uri::{Location, S3Uri};
use s3cmd_client::list::Upload;
use std::ffi::OsString;

/// Prints the unfinished uploads of each bucket: start, object, upload id. A key in the argument is ignored (measured
/// on s3cmd 2.4.0). If the last argument is not a URI, it is an upload id, and only that upload is shown.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let (uris, requested) = match args {
        [uris @ .., id] if !uris.is_empty() && matches!(Location::parse(id), Location::Local(_)) => {
            (uris, Some(id.to_string_lossy()))
        }
        uris => (uris, None),
    };
    each(cx, &target_uris(uris)?, async |uri| show(cx, uri, requested.as_deref()).await).await
}

async fn show(cx: &Context, uri: &S3Uri, requested: Option<&str>) -> Outcome {
    let uploads = cx.client().list_uploads(&uri.bucket, "").await?;
    cx.console.print_decoration(&uri.to_string())?;
    cx.console.print_decoration("Initiated\tPath\tId")?;
    let is_requested = |upload: &&Upload| requested.is_none_or(|requested| upload.id == requested);
    for Upload { key, id, initiated, .. } in uploads.iter().filter(is_requested) {
        let uri = &uri.with_key(key);
        cx.console.stream(&Event::MultipartUpload { uri, upload_id: id, initiated })?;
    }
    cx.console.flush()
}
