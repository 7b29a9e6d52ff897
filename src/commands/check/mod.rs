//! `check [s3://BUCKET]`: tests the connection step by step.

mod access;
mod account;
mod cleanup;
mod connection;
#[cfg(feature = "serve")]
mod embedded;
mod hints;
mod objects;
mod place;
mod report;

use crate::commands::shared::arguments::bucket_uri;
use crate::commands::shared::context::Context;
use crate::output::{Failure, Outcome};
pub(super) use access::access;
use report::Report;
use std::ffi::OsString;

/// Tries the configured endpoint from the host name to a signed link, in the bucket that is named or in a temporary one,
/// and prints a line for each step. A step that fails says which key of the configuration to change.
///
/// Nothing that the test stores is left behind. The exit code is that of the first failure. With `--embedded` all of it
/// happens against a private server of its own, for which no account is needed.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
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

/// Runs all steps; `bucket` is tested in where it is given.
async fn check(cx: &Context, bucket: Option<String>) -> Outcome {
    let mut report = Report::new(&cx.console);
    steps(cx, bucket, &mut report).await?;
    report.end()
}

/// Steps that cannot work once an earlier one has failed are left out. Fails only where nothing can be printed.
async fn steps(cx: &Context, bucket: Option<String>, report: &mut Report) -> Outcome {
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
    let Some(place) = place::find(cx, options, bucket, report).await? else { return Ok(()) };
    let tried = match place::look_around(cx, &place, report).await {
        Ok(()) => objects::check(cx, &place, report).await,
        Err(failure) => Err(failure),
    };
    let cleaned = place.cleanup.finish(&place.client).await;
    tried?;
    match cleaned {
        Ok(()) => report.ok("cleanup", "nothing is left behind"),
        Err(error) => {
            let hint = format!("delete what is left by hand: s3://{}/{}", place.bucket, place.prefix);
            report.error("cleanup", error, &hint)
        }
    }
}

/// A random name part, so that tests at the same time do not meet.
fn random_name() -> Outcome<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Failure::from(std::io::Error::other(error.to_string())))?;
    Ok(hex::encode(bytes))
}
