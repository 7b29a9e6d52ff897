//! `accesslog s3://BUCKET`: shows or changes where the bucket's access logs go.

use super::context::Cx;
use super::document;
use crate::output::{Event, Failure, Outcome};
use crate::s3::subresources::LogTarget;
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Sets the target with `--access-logging-target-prefix`, switches logs off with `--no-access-logging`, and prints what
/// holds then. Of several arguments the last one is meant (measured on s3cmd 2.4.0).
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = document::only_bucket(&args[args.len() - 1], "accesslog")?;
    let target = match cx.settings.log_target_prefix.as_deref() {
        Some("") => cx.client().log_target(&uri.bucket).await?,
        Some(typed) => {
            let target = target(typed)?;
            set(cx, &uri, Some(&target)).await?;
            Some(target)
        }
        None => {
            set(cx, &uri, None).await?;
            None
        }
    };
    let changes = cx.settings.log_target_prefix.as_deref() != Some("");
    let target = target.map(|LogTarget { bucket, prefix }| S3Uri::new(bucket, prefix));
    let dry_run = changes && cx.settings.dry_run;
    cx.console.tell(&Event::AccessLog { bucket: &uri.bucket, target, dry_run })?;
    if changes {
        document::end_of_dry_run(cx);
    }
    Ok(())
}

/// Reads `--access-logging-target-prefix`.
pub(super) fn target(typed: &str) -> Outcome<LogTarget> {
    match S3Uri::parse(typed) {
        Some(uri) if !uri.bucket.is_empty() => Ok(LogTarget { bucket: uri.bucket, prefix: uri.key }),
        _ => Err(Failure::parameter("--log-target-prefix must be a S3 URI")),
    }
}

async fn set(cx: &Cx, uri: &S3Uri, target: Option<&LogTarget>) -> Outcome {
    if !cx.settings.dry_run {
        let public = cx.settings.acl_public == Some(true);
        cx.client().set_log_target(&uri.bucket, target, public).await?;
    }
    Ok(())
}
