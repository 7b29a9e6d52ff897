//! `sign STRING`: signs a string with the secret key.

use crate::commands::shared::context::Context;
use crate::output::{Event, Failure, Outcome};
use s3cmd_client::sign::v2;
use std::ffi::OsString;

/// Prints the HMAC-SHA1 of the string under the secret key, for signed forms or URLs that users build themselves.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let text = args.last().and_then(|text| text.to_str());
    let text = text.ok_or_else(|| Failure::parameter("The text to sign is not UTF-8"))?;
    cx.console.print(&Event::Signature { signature: &v2::signature(text, &cx.settings.secret_key) })
}
