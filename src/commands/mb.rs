//! `mb s3://BUCKET...`: creates buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::each;
use crate::output::{Event, Failure, Outcome};
use std::ffi::OsString;

/// Creates the buckets in the configured location, with public read access if `--acl-public` is given.
///
/// All names are checked before the first bucket is created. With `--dry-run` only the names are checked.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let settings = &cx.settings;
    let location = Some(settings.bucket_location.as_str())
        .filter(|location| !matches!(location.to_ascii_lowercase().as_str(), "" | "us" | "us-east-1"));
    let mut headers = settings.extra_headers.clone();
    if settings.acl_public == Some(true) {
        headers.push(("x-amz-acl".to_owned(), "public-read".to_owned()));
        // New buckets reject ACLs by default, unless their ownership setting allows them.
        headers.push(("x-amz-object-ownership".to_owned(), "ObjectWriter".to_owned()));
    }
    let uris = bucket_uris(args)?;
    uris.iter().try_for_each(|uri| check_name(&uri.bucket, location.is_some()))?;
    let outcome = each(cx, &uris, async |uri| {
        if !settings.dry_run {
            let made = cx.client().create_bucket(&uri.bucket, location, &headers).await;
            made.map_err(Failure::about_bucket)?;
        }
        cx.console.print(&Event::BucketCreated { bucket: &uri.bucket, dry_run: settings.dry_run })
    });
    let outcome = outcome.await;
    if settings.dry_run {
        log::warn!("Exiting now because of --dry-run");
    }
    outcome
}

/// Checks a new bucket's name by s3cmd's rules and with its messages (measured on s3cmd 2.4.0). `strict` requires a
/// name that can be part of a host name, as buckets outside the classic region need.
fn check_name(bucket: &str, strict: bool) -> Outcome {
    let (max_length, allowed): (usize, fn(char) -> bool) = if strict {
        (63, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-'))
    } else {
        (255, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    let is_alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let problem = if let Some(invalid) = bucket.chars().find(|c| !allowed(*c)) {
        let supported = if strict {
            "lowercase us-ascii letters (a-z), digits (0-9), dot (.) and hyphen (-)"
        } else {
            "us-ascii letters (a-z, A-Z), digits (0-9), dot (.), hyphen (-) and underscore (_)"
        };
        format!("contains disallowed character '{invalid}'. The only supported ones are: {supported}.")
    } else if bucket.len() < 3 {
        "is too short (min 3 characters)".to_owned()
    } else if bucket.len() > max_length {
        format!("is too long (max {max_length} characters)")
    } else if !strict {
        return Ok(());
    } else if let Some(sequence) = ["-.", ".."].into_iter().find(|sequence| bucket.contains(sequence)) {
        format!("must not contain sequence '{sequence}' for DNS compatibility")
    } else if !is_alphanumeric(bucket.chars().next()) {
        "must start with a letter or a digit".to_owned()
    } else if !is_alphanumeric(bucket.chars().last()) {
        "must end with a letter or a digit".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::parameter(format!("Bucket name '{bucket}' {problem}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_names_are_rejected_with_the_messages_of_s3cmd() {
        let problem = |name: &str, strict| match check_name(name, strict) {
            Ok(()) => String::new(),
            Err(failure) => failure.lines[0].clone(),
        };
        let long = "a".repeat(64);
        for (name, strict, words) in [
            ("ab", false, "is too short (min 3 characters)"),
            ("a%b", false, "contains disallowed character '%'."),
            ("Lab_Ref", true, "contains disallowed character 'L'."),
            ("cmds.dot-.x", true, "must not contain sequence '-.' for DNS compatibility"),
            ("-abc", true, "must start with a letter or a digit"),
            ("abc-", true, "must end with a letter or a digit"),
            (&long, true, "is too long (max 63 characters)"),
        ] {
            let expected = format!("Parameter problem: Bucket name '{name}' {words}");
            assert!(problem(name, strict).starts_with(&expected), "{}", problem(name, strict));
        }
        for (name, strict) in [("Lab_Ref", false), (&long, false), ("a.b-c", true)] {
            assert_eq!(problem(name, strict), "");
        }
    }
}
