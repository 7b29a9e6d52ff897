//! `getlifecycle s3://BUCKET...`: shows the lifecycle rules of buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome, indented};
use s3cmd_client::model::documents::Kind;
use std::ffi::OsString;

/// Prints the lifecycle rules of each bucket as indented XML, followed by an empty line. `setlifecycle` accepts the
/// output.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let uris = bucket_uris(args)?;
    each(cx, &uris, async |uri| {
        let document = cx.client().get(&uri.bucket, None, Kind::Lifecycle).await?.in_api_form()?;
        document::heading(cx, uri, uris.len() > 1)?;
        let (bucket, xml) = (uri.bucket.as_str(), document.text());
        cx.console.print(&Event::Lifecycle { bucket, xml, shown: &indented(xml)? })
    })
    .await
}
