//! `getacl s3://BUCKET[/KEY]...`: shows access control lists.

use crate::commands::shared::arguments::target_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::each;
use crate::output::{Event, GrantInfo, Outcome, Owner};
use std::ffi::OsString;

/// Prints the owner and the grants of each bucket or object, and its public URL if everyone can read it.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &target_uris(args)?, async |uri| {
        let acl = cx.client().get_acl(&uri.bucket, uri.key_option()).await?;
        cx.console.print(&Event::Acl {
            uri,
            owner: Owner { id: &acl.owner_id, name: &acl.owner_name },
            grants: acl.grants.iter().map(GrantInfo::of).collect(),
            public_url: acl.allows_anonymous_read().then(|| cx.public_url(uri)),
        })
    })
    .await
}
