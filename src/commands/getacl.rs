//! `getacl s3://BUCKET[/KEY]...`: shows who may do what.

use crate::commands::shared::arguments::buckets_of;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome, Owner, Right};
use std::ffi::OsString;

/// Prints the owner and the grants of each bucket or object, and its public URL where anybody may read it.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &buckets_of(args)?, async |uri| {
        let acl = cx.client().get_acl(&uri.bucket, uri.key_option()).await?;
        cx.console.tell(&Event::Acl {
            uri,
            owner: Owner { id: &acl.owner_id, name: &acl.owner_name },
            grants: acl.grants.iter().map(Right::of).collect(),
            public_url: acl.allows_anonymous_read().then(|| cx.public_url(uri)),
        })
    })
    .await
}
