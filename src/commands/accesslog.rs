//! `accesslog s3://BUCKET...`: shows or changes where the access logs of buckets go.

use crate::commands::shared::arguments::bucket_uris_for;
use crate::commands::shared::arguments::log_target;
use crate::commands::shared::context::Context;
use crate::commands::shared::document;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use crate::uri::S3Uri;
use s3cmd_client::model::documents::Document;
use s3cmd_client::ops::subresources::LogTarget;
use std::ffi::OsString;

/// Sets the target with `--access-logging-target-prefix` or turns logging off with `--no-access-logging`, then prints
/// the resulting setting.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let uris = bucket_uris_for(args, "accesslog")?;
    let typed = cx.settings.log_target_prefix.as_deref();
    let changes = typed != Some("");
    let target = typed.filter(|typed| !typed.is_empty()).map(log_target).transpose()?;
    let outcome = each(cx, &uris, async |uri| {
        if !changes {
            let target = cx.client().log_target(&uri.bucket).await?;
            return show(cx, uri, target.as_ref(), false);
        }
        let document = Document::logging(target.as_ref(), cx.settings.acl_public == Some(true));
        if cx.settings.dry_run {
            return show(cx, uri, target.as_ref(), true);
        }
        cx.client().set_logging(&uri.bucket, target.as_ref(), &document).await?;
        show(cx, uri, target.as_ref(), false)?;
        document::verify(cx, uri, &document).await
    });
    let outcome = outcome.await;
    if changes {
        document::end_of_dry_run(cx);
    }
    outcome
}

fn show(cx: &Context, uri: &S3Uri, target: Option<&LogTarget>, dry_run: bool) -> Outcome {
    let target = target.map(|LogTarget { bucket, prefix }| S3Uri::new(bucket, prefix));
    cx.console.print(&Event::AccessLog { bucket: &uri.bucket, target, dry_run })
}
