//! `check [s3://BUCKET]`: tests the connection step by step.

mod access;
mod account;
mod bucket;
mod cleanup;
mod connection;
#[cfg(feature = "serve")]
mod embedded;
mod hints;
mod objects;
mod report;

use crate::commands::shared::arguments::bucket_uri;
use crate::commands::shared::context::Context;
use crate::output::{Failure, Outcome};
pub(super) use access::access;
use report::Report;
use std::ffi::OsString;

/// Tests the configured endpoint, from the host name to a presigned URL, in the given bucket or in a temporary one, and
/// prints a line for each step. A failed step names the configuration key to change.
///
/// The test removes everything that it stored. The exit code is that of the first failure. With `--embedded` the test
/// runs against a private embedded server, which needs no account.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    if cx.settings.embedded {
        #[cfg(feature = "serve")]
        return embedded::run(cx).await;
        #[cfg(not(feature = "serve"))]
        return Err(Failure::parameter("This program was built without the embedded server"));
    }
    if cx.settings.access_key.is_empty() {
        return Err(Failure::parameter("There is no access_key to check"));
    }
    let bucket = args.first().map(|arg| bucket_uri(arg)).transpose()?;
    check(cx, bucket.map(|uri| uri.bucket)).await
}

/// Runs all steps, in `bucket` if it is given.
async fn check(cx: &Context, bucket: Option<String>) -> Outcome {
    let mut report = Report::new(&cx.console);
    steps(cx, bucket, &mut report).await?;
    report.end()
}

/// Skips the steps that cannot work after an earlier failure. Returns an error only if the report cannot be printed.
async fn steps(cx: &Context, requested_bucket: Option<String>, report: &mut Report) -> Outcome {
    if cx.settings.config_readable_by_others {
        let file = cx.settings.config_file.display();
        report.note(
            "config",
            format!("other users may read the secrets in '{file}'; chmod 600 keeps them out"),
        )?;
    }
    if !connection::check(cx, report).await? {
        return Ok(());
    }
    let Some(options) = account::check(cx, report).await? else { return Ok(()) };
    let Some(bucket) = bucket::find(cx, options, requested_bucket, report).await? else { return Ok(()) };
    let tested = match bucket::inspect(cx, &bucket, report).await {
        Ok(()) => objects::check(cx, &bucket, report).await,
        Err(failure) => Err(failure),
    };
    let cleaned = bucket.cleanup.finish(&bucket.client).await;
    tested?;
    match cleaned {
        Ok(()) => report.ok("cleanup", "nothing is left behind"),
        Err(error) => {
            let hint = format!("delete what is left by hand: s3://{}/{}", bucket.name, bucket.prefix);
            report.error("cleanup", error, &hint)
        }
    }
}

/// The random part of a name, so that concurrent tests do not collide.
fn random_name() -> Outcome<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Failure::from(std::io::Error::other(error.to_string())))?;
    Ok(hex::encode(bytes))
}
