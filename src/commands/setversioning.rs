//! `setversioning s3://BUCKET enable|disable`: keeps old versions of objects, or no longer.

use super::context::Cx;
use super::document;
use crate::output::{Failure, Outcome};
use std::ffi::OsString;

/// Switches versioning on or off. What was kept so far stays.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = document::only_bucket(&args[0], "setversioning")?;
    let enabled = match args[1].to_str() {
        Some("enable") => true,
        Some("disable") => false,
        _ => {
            let got = args[1].to_string_lossy();
            return Err(Failure::parameter(format!("Must be 'enable' or 'disable'. Got: {got}")));
        }
    };
    if !cx.settings.dry_run {
        cx.client().set_versioning(&uri.bucket, enabled).await?;
    }
    document::said(cx, &uri, "Versioning status updated")
}
