//! Facts about a request for policy conditions: how it was signed, its TLS version, and what its body sets on an
//! object.

use super::form::Form;
use crate::auth::signed_request::SignedRequest;
use crate::http::http_date;
use crate::store::meta::Retention;
use chrono::{DateTime, Utc};
use s3cmd_client::sign::v4;

/// The context of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestContext {
    /// `None` for an anonymous request.
    pub(crate) signature: Option<Signature>,
    /// The TLS version: `1.3`.
    pub(crate) tls: Option<String>,
    /// The tags that the request sets, if they come from the body or from the source of a copy.
    pub(crate) tags: Option<Vec<(String, String)>>,
    /// The retention that the body sets.
    pub(crate) retention: Option<Retention>,
    /// The legal hold that the body sets.
    pub(crate) legal_hold: Option<bool>,
    /// Whether a body with such values has not been read yet, so that conditions on them cannot be evaluated.
    pub(crate) awaits_body: bool,
}

impl RequestContext {
    /// Records the values from the body.
    pub(crate) fn note_body(&mut self, record: impl FnOnce(&mut Self)) {
        record(self);
        self.awaits_body = false;
    }
}

/// How a request was signed.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    /// The place of the signature, as in `s3:authType`.
    pub(crate) kind: &'static str,
    /// Its version, as in `s3:signatureversion`.
    pub(crate) version: &'static str,
    /// The time of signing; `None` if unknown: a presigned V2 URL has only an expiration time.
    pub(crate) signed_at: Option<DateTime<Utc>>,
}

const V2: &str = "AWS";
const V4: &str = "AWS4-HMAC-SHA256";

impl Signature {
    /// The signature of a request; `None` if it is unsigned.
    pub(crate) fn of(request: &SignedRequest<'_>) -> Option<Self> {
        let (version, place) = request.kind()?;
        let header = |name: &str| request.headers.iter().find(|(n, _)| n == name).map(|(_, value)| &**value);
        let parameter = |name: &str| request.query.iter().find(|(n, _)| n == name).map(|(_, value)| &**value);
        let version = if version == "SigV4" { V4 } else { V2 };
        Some(match (place, version) {
            ("AuthHeader", _) => Self {
                kind: "REST-HEADER",
                version,
                signed_at: header("x-amz-date").or_else(|| header("date")).and_then(http_date::parse),
            },
            (_, V4) => Self {
                kind: "REST-QUERY-STRING",
                version,
                signed_at: parameter("X-Amz-Date").and_then(v4::parse_timestamp),
            },
            _ => Self { kind: "REST-QUERY-STRING", version, signed_at: None },
        })
    }

    /// The signature of a signed form.
    pub(crate) fn of_form(form: &Form) -> Self {
        let is_v4 = form.field("x-amz-signature").is_some();
        Self {
            kind: "POST",
            version: if is_v4 { V4 } else { V2 },
            signed_at: form.field("x-amz-date").filter(|_| is_v4).and_then(v4::parse_timestamp),
        }
    }

    /// Its age in milliseconds; the maximum if the time of signing is unknown.
    pub(crate) fn age(&self, now: DateTime<Utc>) -> i64 {
        self.signed_at.map_or(i64::MAX, |signed_at| (now - signed_at).num_milliseconds().max(0))
    }
}
