//! `setblockpublicaccess s3://BUCKET... SWITCH[,SWITCH...]`: sets Block Public Access for buckets.

use crate::commands::shared::arguments::bucket_uris_for;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::{Failure, Outcome};
use s3cmd_client::model::documents::Document;
use std::ffi::OsString;

const SWITCHES: [&str; 4] =
    ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

/// Turns the named switches on (in upper or lower case) and all others off; `none` turns all of them off.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let Some((list, uris)) = args.split_last() else { return Err(Failure::parameter("Expecting a bucket")) };
    let uris = bucket_uris_for(uris, "setblockpublicaccess")?;
    let document = Document::public_access_block(&parse(&list.to_string_lossy())?);
    let message = SuccessMessage::plain("Block Public Access updated");
    let outcome = each(cx, &uris, async |uri| document::set(cx, uri, &document, message).await).await;
    document::end_of_dry_run(cx);
    outcome
}

/// Parses a list of switches. Empty entries are ignored, blanks are significant (measured on s3cmd 2.4.0). A list
/// without any switch is an error: it is more likely an unset variable than the intention to open the bucket.
fn parse(list: &str) -> Outcome<[(&'static str, bool); 4]> {
    let mut switches = SWITCHES.map(|name| (name, false));
    if list.eq_ignore_ascii_case("none") {
        return Ok(switches);
    }
    if list.split(',').all(str::is_empty) {
        return Err(Failure::parameter(
            "No switch is named: blockpublicacls, ignorepublicacls, blockpublicpolicy, restrictpublicbuckets; \
             'none' switches all of them off",
        ));
    }
    for name in list.split(',').filter(|name| !name.is_empty()) {
        match switches.iter_mut().find(|(switch, _)| switch.eq_ignore_ascii_case(name)) {
            Some((_, on)) => *on = true,
            None => {
                return Err(Failure::parameter(format!(
                    "Must be blockpublicacls or ignorepublicacls or blockpublicpolicy or restrictpublicbuckets. Got: {name}"
                )));
            }
        }
    }
    Ok(switches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_that_are_not_named_are_off() {
        let on = |list: &str| parse(list).map(|switches| switches.map(|(_, on)| on)).ok();
        assert_eq!(on("none"), Some([false; 4]));
        assert_eq!(on("restrictPUBLICbuckets,,BlockPublicAcls"), Some([true, false, false, true]));
        assert_eq!((on("BlockPublicAcls, IgnorePublicAcls"), on("x")), (None, None));
        assert_eq!((on(""), on(","), on("none,BlockPublicAcls")), (None, None, None));
    }
}
