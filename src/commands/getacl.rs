//! `getacl s3://BUCKET[/KEY]`: shows who may do what.

use super::context::Cx;
use super::document::bucket_of;
use crate::output::Outcome;
use std::ffi::OsString;

/// Prints the owner and the grants of a bucket or an object, and its public URL where anybody may read it.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_of(&args[0])?;
    let acl = cx.client().get_acl(&uri.bucket, uri.key_option()).await?;
    cx.console.line(format!("{uri} ({}):", if uri.has_key() { "object" } else { "bucket" }))?;
    cx.console.line(format!("   Owner:     {} (Nick: {})", acl.owner_id, acl.owner_name))?;
    for grant in &acl.grants {
        cx.console.line(format!("   ACL:       {}: {}", grant.grantee.shown(), grant.permission))?;
    }
    if acl.allows_anonymous_read() {
        cx.console.line(format!("   URL:       {}", cx.public_url(&uri)))?;
    }
    Ok(())
}
