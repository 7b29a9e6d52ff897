//! `expire s3://BUCKET...`: has objects deleted after some days or at a date.

use super::context::{Cx, bucket_uri};
use super::document::{end_of_dry_run, said_of_bucket};
use crate::config::Settings;
use crate::output::{Failure, Outcome};
use crate::s3::bucket::ExpiryRule;
use std::ffi::OsString;

/// Replaces the lifecycle of each bucket by one rule made of `--expiry-days` or `--expiry-date`, and `--expiry-prefix`;
/// without any of them the lifecycle is deleted.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let rule = rule(&cx.settings)?;
    for argument in args {
        let uri = bucket_uri(argument)?;
        let done = match &rule {
            Some(_) => "expiration configuration is set",
            None => "expiration configuration is deleted",
        };
        if !cx.settings.dry_run {
            let answer = match &rule {
                Some(rule) => cx.client().set_expiry(&uri.bucket, rule).await,
                None => cx.client().delete_document(&uri.bucket, None, "lifecycle").await,
            };
            answer.map_err(Failure::about_bucket)?;
        }
        said_of_bucket(cx, &uri, done)?;
    }
    end_of_dry_run(cx);
    Ok(())
}

fn rule(settings: &Settings) -> Outcome<Option<ExpiryRule>> {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let prefix = settings.expiry_prefix.clone();
    let rule = ExpiryRule { prefix, days: given(&settings.expiry_days), date: given(&settings.expiry_date) };
    match (&rule.days, &rule.date) {
        (Some(_), None) | (None, Some(_)) => Ok(Some(rule)),
        (None, None) if rule.prefix.is_empty() => Ok(None),
        _ => Err(Failure::parameter("Expect either --expiry-day or --expiry-date")),
    }
}
