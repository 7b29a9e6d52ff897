//! `setobjectretention MODE DATE s3://BUCKET/OBJECT...`: protects objects from deletion until a date.

use crate::commands::shared::arguments::object_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::{Failure, Outcome};
use chrono::NaiveDateTime;
use s3cmd_client::model::documents::Document;
use std::ffi::OsString;

/// The format of the date. The final letter may be lower-case, and leading zeros are optional (measured on s3cmd
/// 2.4.0).
const DATE: &str = "%Y-%m-%dT%H:%M:%S";

/// Protects objects until a date. For a single object nothing is printed if the service returns 200, as most do
/// (measured on s3cmd 2.4.0).
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let mode = args[0].to_str().filter(|mode| ["GOVERNANCE", "COMPLIANCE"].contains(mode));
    let mode = mode.ok_or_else(|| Failure::parameter("Incorrect mode"))?;
    let until = args[1].to_str().filter(|until| is_date(until));
    let until =
        until.ok_or_else(|| Failure::parameter("Incorrect data format, should be YYYY-MM-DDTHH:MM:SSZ"))?;
    let uris = object_uris(&args[2..])?;
    let message = SuccessMessage::plain("Retention updated").if_204(uris.len() > 1);
    let document = Document::retention(mode, until);
    let outcome = each(cx, &uris, async |uri| document::set(cx, uri, &document, message).await).await;
    document::end_of_dry_run(cx);
    outcome
}

fn is_date(text: &str) -> bool {
    let time = text.strip_suffix(['Z', 'z']);
    time.is_some_and(|time| NaiveDateTime::parse_from_str(time, DATE).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_in_s3cmd() {
        for (text, good) in [
            ("2030-01-01T00:00:00Z", true),
            ("2030-1-1T0:0:0z", true),
            ("2030-01-01", false),
            ("2030-13-01T00:00:00Z", false),
            ("2030-01-01T24:00:00Z", false),
            ("2030-01-01T00:00:00.000Z", false),
            ("2030-01-01T00:00:00", false),
        ] {
            assert_eq!(is_date(text), good, "{text}");
        }
    }
}
