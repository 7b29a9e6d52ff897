//! `setblockpublicaccess s3://BUCKET SWITCH[,SWITCH...]`: keeps the bucket from being opened to everybody.

use super::context::Cx;
use super::document;
use crate::output::{Failure, Outcome};
use std::ffi::OsString;

const SWITCHES: [&str; 4] =
    ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

/// Switches on what is named, in any case, and off what is not.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = document::only_bucket(&args[0], "setblockpublicaccess")?;
    let switches = parse(&args[1].to_string_lossy())?;
    if !cx.settings.dry_run {
        cx.client().set_public_access_block(&uri.bucket, &switches).await?;
    }
    document::said(cx, &uri, "Block Public Access updated")
}

/// Reads a list of switches; empty entries are passed over, blanks count (measured on s3cmd 2.4.0).
fn parse(list: &str) -> Outcome<[(&'static str, bool); 4]> {
    let mut switches = SWITCHES.map(|name| (name, false));
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
    fn what_is_not_named_is_off() {
        let on = |list: &str| parse(list).map(|switches| switches.map(|(_, on)| on)).ok();
        assert_eq!(on(""), Some([false; 4]));
        assert_eq!(on("restrictPUBLICbuckets,,BlockPublicAcls"), Some([true, false, false, true]));
        assert_eq!((on("BlockPublicAcls, IgnorePublicAcls"), on("x")), (None, None));
    }
}
