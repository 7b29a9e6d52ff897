//! `deltagging s3://BUCKET[/KEY]...`: takes the tags of buckets or objects away.

use super::context::Cx;
use super::document::{self, Said};
use super::each::each;
use crate::output::Outcome;
use crate::s3::documents::Kind;
use std::ffi::OsString;

/// Deletes the tags of each bucket or object.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let said = Said::plain("Tagging deleted");
    let uris = document::buckets_of(args)?;
    let outcome = each(cx, &uris, async |uri| document::delete(cx, uri, Kind::Tagging, said).await).await;
    document::end_of_dry_run(cx);
    outcome
}
