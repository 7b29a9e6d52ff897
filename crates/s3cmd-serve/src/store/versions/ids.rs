//! The ids of versions, and the times that they begin with.

use crate::model::error::S3Result;
use crate::random;
use chrono::{DateTime, Utc};

/// The id of a version that was written while there was no versioning.
pub(crate) const NULL: &str = "null";

/// The id of a version as it is written.
pub(crate) fn id_text(id: Option<&String>) -> String {
    id.map_or(NULL, String::as_str).to_owned()
}

pub(in crate::store) fn is(id: Option<&String>, wanted: &str) -> bool {
    id.map_or(NULL, String::as_str) == wanted
}

/// The id of a version as entries have it.
pub(super) fn stored_id(text: &str) -> Option<&str> {
    (text != NULL).then_some(text)
}

/// A new id, of 32 digits; later ones are greater, so that a listing goes on where it stopped although its last version
/// is gone.
pub(in crate::store) fn new_id() -> S3Result<String> {
    Ok(format!("{:016x}{}", now_ns(), hex::encode(random::bytes::<8>()?)))
}

pub(super) fn now_ns() -> i64 {
    Utc::now().timestamp_nanos_opt().unwrap_or(i64::MAX)
}

pub(super) fn time(ns: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(ns.div_euclid(1_000_000_000), 0).unwrap_or_default()
}
