//! `setobjectlegalhold ON|OFF s3://BUCKET/OBJECT`: keeps an object from being deleted, without a date.

use super::context::Cx;
use super::document;
use crate::output::{Failure, Outcome};
use std::ffi::OsString;

/// Puts an object under legal hold or lifts it. Nothing is printed where the service answers 200, as most do (measured
/// on s3cmd 2.4.0).
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let on = match args[0].to_str() {
        Some("ON") => true,
        Some("OFF") => false,
        _ => return Err(Failure::parameter("Incorrect status")),
    };
    let uri = document::object_of(&args[1])?;
    if cx.settings.dry_run {
        return Ok(());
    }
    let status = cx.client().set_legal_hold(&uri.bucket, &uri.key, on).await?;
    document::said_if_204(cx, &uri, "Legal Hold updated", status)
}
