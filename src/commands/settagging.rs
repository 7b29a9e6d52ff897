//! `settagging s3://BUCKET[/KEY]... "KEY=VALUE[&KEY=VALUE...]"`: sets the tags of buckets or objects.

use crate::commands::shared::arguments::target_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::{Failure, Outcome};
use s3cmd_client::model::documents::Document;
use std::ffi::OsString;

/// Replaces the tags of each bucket or object. The last argument contains the tags, or the output of `gettagging`.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let Some((tags, uris)) = args.split_last() else { return Err(Failure::parameter("Expecting tags")) };
    let uris = target_uris(uris)?;
    let text = tags.to_str().ok_or_else(|| Failure::parameter("The tags are not UTF-8"))?;
    let tags = match parse_printed(text) {
        Some(tags) => tags,
        None => parse(text)?,
    };
    let document = Document::tagging(&tags);
    let message = SuccessMessage::plain("Tagging updated");
    let outcome = each(cx, &uris, async |uri| document::set(cx, uri, &document, message).await).await;
    document::end_of_dry_run(cx);
    outcome
}

/// Parses the output of `gettagging`: a heading, then a line `\tKEY:\tVALUE` for each tag. Returns `None` for anything
/// else.
fn parse_printed(text: &str) -> Option<Vec<(String, String)>> {
    let (heading, rest) = text.split_once('\n')?;
    let is_heading =
        heading.starts_with("s3://") && (heading.ends_with(" (bucket):") || heading.ends_with(" (object):"));
    let tag = |line: &str| {
        let (key, value) = line.strip_prefix('\t')?.split_once(":\t")?;
        Some((key.to_owned(), value.to_owned()))
    };
    if is_heading { rest.lines().map(tag).collect() } else { None }
}

/// Parses `k=v&k2=v2`. Only the first `=` separates, nothing is decoded, and a tag without `=` has an empty value
/// (measured on s3cmd 2.4.0).
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
    fn printed_tags_are_parsed() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let text = "s3://b/k (object):\n\ta:\tb&c\n\te f:\t\n";
        assert_eq!(parse_printed(text), Some(vec![pair("a", "b&c"), pair("e f", "")]));
        assert_eq!((parse_printed("a=b"), parse_printed("a=b\n\tc:\td")), (None, None));
    }

    #[test]
    fn tags_are_not_decoded() {
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
