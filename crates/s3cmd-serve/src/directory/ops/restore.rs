//! RestoreObject, simulated: objects of the archive classes cannot be read until they have been restored, which here
//! takes no time. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html>

use super::change;
use crate::directory::state::Server;
use crate::http::call::{Call, Reply};
use crate::http::http_date;
use crate::model::acl::Permission;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail, malformed_xml, not_implemented};
use crate::model::xml;
use crate::store::meta::Meta;
use chrono::Utc;
use std::cell::Cell;

fn is_archived(meta: &Meta) -> bool {
    matches!(meta.class.as_deref(), Some("GLACIER" | "DEEP_ARCHIVE"))
}

fn is_restored(meta: &Meta) -> bool {
    meta.restored_until.is_some_and(|until| until > Utc::now())
}

/// Checks that an object can be read.
///
/// # Errors
/// `InvalidObjectState` if it is archived and not restored.
pub(super) fn check_readable(meta: &Meta) -> S3Result<()> {
    if !is_archived(meta) || is_restored(meta) {
        return Ok(());
    }
    let class = meta.class.as_deref().unwrap_or_default();
    Err(S3Error::new(
        ErrorCode::InvalidObjectState,
        "The operation is not valid for the object's storage class",
    )
    .detail("StorageClass", class))
}

/// The `x-amz-restore` header of an archived object that is restored.
pub(super) fn header(meta: &Meta) -> Option<(String, String)> {
    let until = meta.restored_until.filter(|_| is_archived(meta) && is_restored(meta))?;
    let value = format!("ongoing-request=\"false\", expiry-date=\"{}\"", http_date::format(until));
    Some(("x-amz-restore".to_owned(), value))
}

/// RestoreObject: 202 for an archived object, 200 for one that is already restored and gets a new expiry date.
pub(crate) fn restore(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let already = Cell::new(false);
    let need = ("s3:RestoreObject", Permission::FullControl);
    change::change_object(
        server,
        call,
        need,
        |call, _, _| days(call),
        |_, _, meta, days| {
            if !is_archived(meta) {
                return Err(S3Error::new(
                    ErrorCode::InvalidObjectState,
                    "Restore is not allowed for the object's current storage class",
                )
                .detail("StorageClass", meta.class.as_deref().unwrap_or("STANDARD")));
            }
            already.set(is_restored(meta));
            meta.restored_until = Some(Utc::now() + server.day.saturating_mul(*days));
            Ok(())
        },
    )?;
    Ok(Reply::new(if already.get() { 200 } else { 202 }))
}

/// For how many days the object is to be restored.
fn days(call: &mut Call) -> S3Result<u32> {
    let body = call.payload.read_document()?;
    let root = xml::parse(&body, &["RestoreRequest"])?;
    if root.child("SelectParameters").is_some() || root.child("OutputLocation").is_some() {
        return Err(not_implemented("A restore with a query"));
    }
    let days = match root.value("Days").map(|text| text.trim().parse::<i64>()) {
        Some(Ok(days)) if (1..=36_500).contains(&days) => days as u32,
        Some(Ok(_)) => return fail(ErrorCode::InvalidArgument, "restoration days should be at least 1"),
        Some(Err(_)) | None => return Err(malformed_xml()),
    };
    let tier = root.child("GlacierJobParameters").and_then(|job| job.value("Tier")).or(root.value("Tier"));
    if !matches!(tier.map(str::trim), None | Some("Expedited" | "Standard" | "Bulk")) {
        return Err(malformed_xml());
    }
    Ok(days)
}
