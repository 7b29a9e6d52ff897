//! `getacl s3://BUCKET[/KEY]`: shows who may do what.

use super::context::Cx;
use super::document::bucket_of;
use crate::output::{Event, Outcome, Owner, Right};
use std::ffi::OsString;

/// Prints the owner and the grants of a bucket or an object, and its public URL where anybody may read it.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_of(&args[0])?;
    let acl = cx.client().get_acl(&uri.bucket, uri.key_option()).await?;
    cx.console.tell(&Event::Acl {
        uri: &uri,
        owner: Owner { id: &acl.owner_id, name: &acl.owner_name },
        grants: acl.grants.iter().map(Right::of).collect(),
        public_url: acl.allows_anonymous_read().then(|| cx.public_url(&uri)),
    })
}
