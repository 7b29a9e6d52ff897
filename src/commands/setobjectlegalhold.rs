//! `setobjectlegalhold ON|OFF s3://BUCKET/OBJECT...`: protects objects from deletion, without a date.

use crate::commands::shared::arguments::object_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::{Failure, Outcome};
use s3cmd_client::model::documents::Document;
use std::ffi::OsString;

/// Places objects under legal hold or removes it. For a single object nothing is printed if the service returns 200, as
/// most do (measured on s3cmd 2.4.0).
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let on = match args[0].to_str() {
        Some("ON") => true,
        Some("OFF") => false,
        _ => return Err(Failure::parameter("Incorrect status")),
    };
    let uris = object_uris(&args[1..])?;
    let message = SuccessMessage::plain("Legal Hold updated").if_204(uris.len() > 1);
    let document = Document::legal_hold(on);
    let outcome = each(cx, &uris, async |uri| document::set(cx, uri, &document, message).await).await;
    document::end_of_dry_run(cx);
    outcome
}
