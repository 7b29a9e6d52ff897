//! `setobjectlegalhold ON|OFF s3://BUCKET/OBJECT...`: keeps objects from being deleted, without a date.

use crate::commands::shared::arguments::objects_of;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::{Failure, Outcome};
use crate::s3::documents::Document;
use std::ffi::OsString;

/// Puts objects under legal hold or lifts it. Of one object nothing is printed where the service answers 200, as most do
/// (measured on s3cmd 2.4.0).
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let on = match args[0].to_str() {
        Some("ON") => true,
        Some("OFF") => false,
        _ => return Err(Failure::parameter("Incorrect status")),
    };
    let uris = objects_of(&args[1..])?;
    let message = SuccessMessage::plain("Legal Hold updated").if_204(uris.len() > 1);
    let document = Document::legal_hold(on);
    let outcome = each(cx, &uris, async |uri| document::set(cx, uri, &document, message).await).await;
    document::end_of_dry_run(cx);
    outcome
}
