//! `settagging s3://BUCKET[/KEY] "KEY=VALUE[&KEY=VALUE...]"`: gives a bucket or an object tags.

use super::context::Cx;
use super::document::{bucket_of, said};
use crate::output::{Failure, Outcome};
use std::ffi::OsString;

/// Replaces the tags of a bucket or an object.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_of(&args[0])?;
    let text = args[1].to_str().ok_or_else(|| Failure::parameter("The tags are not UTF-8"))?;
    let tags = parse(text)?;
    if !cx.settings.dry_run {
        cx.client().put_tags(&uri.bucket, uri.key_option(), &tags).await?;
    }
    said(cx, &uri, "Tagging updated")
}

/// Reads `k=v&k2=v2`. Only the first `=` separates, nothing is decoded, a tag without `=` is empty (measured on s3cmd
/// 2.4.0).
fn parse(text: &str) -> Outcome<Vec<(String, String)>> {
    text.split('&')
        .map(|tag| {
            let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
            if key.is_empty() {
                return Err(Failure::parameter("Tag key should not be empty"));
            }
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_taken_as_they_are() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            parse("a=b=c&x%20y=1+2&z").unwrap(),
            [pair("a", "b=c"), pair("x%20y", "1+2"), pair("z", "")]
        );
        assert!(parse("").is_err());
        assert!(parse("a=b&").is_err());
        assert!(parse("=b").is_err());
    }
}
