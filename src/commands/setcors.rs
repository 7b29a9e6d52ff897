//! `setcors FILE s3://BUCKET...`: gives buckets the cross-origin rules of a file.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::Outcome;
use crate::s3::documents::Kind;
use std::ffi::OsString;

/// Replaces the rules that browsers ask for by those of an XML file (`-` reads stdin). Of one bucket nothing is printed
/// where the service answers 200, as most do (measured on s3cmd 2.4.0).
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let document = document::from_file(&args[0], Kind::Cors)?;
    let uris = bucket_uris(&args[1..])?;
    let message = SuccessMessage::plain("CORS updated").if_204(uris.len() > 1);
    // It is the same for all of them.
    uris.first().map_or(Ok(()), |uri| document::check(cx, uri, &document))?;
    let outcome = each(cx, &uris, async |uri| document::set(cx, uri, &document, message).await);
    let outcome = outcome.await;
    document::end_of_dry_run(cx);
    outcome
}
