//! What is known of a request beside its words: how it was signed, over what it came, and what its body says of an
//! object. The conditions of policies ask for it.

use super::form::Form;
use crate::auth::signed_request::SignedRequest;
use crate::http::http_date;
use crate::store::meta::Retention;
use chrono::{DateTime, Utc};
use s3cmd_client::sign::v4;

/// The context of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestContext {
    /// `None`: there was none, or nobody's.
    pub(crate) signature: Option<Signature>,
    /// The version of TLS: `1.3`.
    pub(crate) tls: Option<String>,
    /// The tags that an object is to get, where the body or the source of a copy says them.
    pub(crate) tags: Option<Vec<(String, String)>>,
    /// The retention that the body asks for.
    pub(crate) retention: Option<Retention>,
    /// The legal hold that the body asks for.
    pub(crate) legal_hold: Option<bool>,
    /// Whether a body that says such things is still to come: what policies ask of them cannot be answered yet.
    pub(crate) awaits_body: bool,
}

impl RequestContext {
    /// Notes what the body says.
    pub(crate) fn note_body(&mut self, note: impl FnOnce(&mut Self)) {
        note(self);
        self.awaits_body = false;
    }
}

/// How a request was signed.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    /// Where the signature was, as policies name it.
    pub(crate) kind: &'static str,
    /// Its version, as policies name it.
    pub(crate) version: &'static str,
    /// When it was made, if that is known: a link of version 2 says only until when it is good.
    pub(crate) made: Option<DateTime<Utc>>,
}

const V2: &str = "AWS";
const V4: &str = "AWS4-HMAC-SHA256";

impl Signature {
    /// The signature of a request, if it has one.
    pub(crate) fn of(request: &SignedRequest<'_>) -> Option<Self> {
        let (version, place) = request.kind()?;
        let header = |name: &str| request.headers.iter().find(|(n, _)| n == name).map(|(_, value)| &**value);
        let parameter = |name: &str| request.query.iter().find(|(n, _)| n == name).map(|(_, value)| &**value);
        let version = if version == "SigV4" { V4 } else { V2 };
        Some(match (place, version) {
            ("AuthHeader", _) => Self {
                kind: "REST-HEADER",
                version,
                made: header("x-amz-date").or_else(|| header("date")).and_then(http_date::parse),
            },
            (_, V4) => Self {
                kind: "REST-QUERY-STRING",
                version,
                made: parameter("X-Amz-Date").and_then(v4::parse_timestamp),
            },
            _ => Self { kind: "REST-QUERY-STRING", version, made: None },
        })
    }

    /// The signature of a form that has one.
    pub(crate) fn of_form(form: &Form) -> Self {
        let is_v4 = form.field("x-amz-signature").is_some();
        Self {
            kind: "POST",
            version: if is_v4 { V4 } else { V2 },
            made: form.field("x-amz-date").filter(|_| is_v4).and_then(v4::parse_timestamp),
        }
    }

    /// Its age in milliseconds. One that does not say when it was made may be as old as can be.
    pub(crate) fn age(&self, now: DateTime<Utc>) -> i64 {
        self.made.map_or(i64::MAX, |made| (now - made).num_milliseconds().max(0))
    }
}
