//! Version ids and the times that they begin with.

use crate::model::error::S3Result;
use crate::random;
use chrono::{DateTime, Utc};

/// The id of a version that was written while versioning was not enabled.
pub(crate) const NULL: &str = "null";

/// A version id as clients see it; stored as `None` for the `null` version.
pub(crate) fn id_text(id: Option<&String>) -> String {
    id.map_or(NULL, String::as_str).to_owned()
}

/// Whether a stored id is the one that a client sent.
pub(in crate::store) fn matches(id: Option<&String>, text: &str) -> bool {
    id.map_or(NULL, String::as_str) == text
}

/// A version id as entries store it; `None` for the `null` version.
pub(super) fn stored_id(text: &str) -> Option<&str> {
    (text != NULL).then_some(text)
}

/// A new version id of 32 hex digits. Later ids are greater, so that a listing can continue after a version that has
/// been removed meanwhile.
pub(in crate::store) fn new_id() -> S3Result<String> {
    Ok(format!("{:016x}{}", now_ns(), hex::encode(random::bytes::<8>()?)))
}

pub(super) fn now_ns() -> i64 {
    Utc::now().timestamp_nanos_opt().unwrap_or(i64::MAX)
}

/// Nanoseconds since the epoch as a time in whole seconds.
pub(super) fn datetime(ns: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(ns.div_euclid(1_000_000_000), 0).unwrap_or_default()
}
