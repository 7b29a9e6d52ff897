//! The values of policy condition keys for a request.

use super::state::Server;
use crate::http::call::Call;
use crate::model::policy::Key;
use crate::model::{copy_source, object_lock, tags};
use crate::store::meta::{LockMode, Meta, Retention};
use chrono::{DateTime, SecondsFormat, Utc};
use http::Method;

/// In milliseconds.
const DAY: u64 = 24 * 3600 * 1000;

/// What an action applies to, in addition to the bucket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Target<'a> {
    pub(crate) key: Option<&'a str>,
    /// The version id in the request.
    pub(crate) version: Option<&'a str>,
    /// The expected ETag, if it is not in a header.
    pub(crate) etag: Option<&'a str>,
    /// A key that does not exist; the question is then whether the client may learn that.
    pub(crate) missing: Option<&'a str>,
}

/// A request and its target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConditionContext<'a> {
    pub(crate) server: &'a Server,
    pub(crate) call: &'a Call,
    pub(crate) target: Target<'a>,
    /// The object, if it exists and the action applies to it.
    pub(crate) meta: Option<&'a Meta>,
    pub(crate) now: DateTime<Utc>,
}

impl ConditionContext<'_> {
    /// The values of a condition key that belongs to the action; empty if the request has none.
    pub(crate) fn values(&self, key: &Key) -> Vec<String> {
        match (key.spec.name, &key.tag) {
            ("s3:existingobjecttag/", Some(name)) => {
                tag_values(self.meta.map_or(&[], |meta| &meta.tags), name)
            }
            ("s3:requestobjecttag/", Some(name)) => tag_values(&self.tags(), name),
            ("s3:requestobjecttagkeys", _) => self.tags().into_iter().map(|(name, _)| name).collect(),
            (name, _) => self.value(name).into_iter().collect(),
        }
    }

    /// Whether the value of a key is in the body, which has not been read yet.
    pub(crate) fn is_pending(&self, key: &Key) -> bool {
        let name = key.spec.name;
        self.call.context.awaits_body
            && (name.starts_with("s3:requestobjecttag") || name.starts_with("s3:object-lock-"))
    }

    fn value(&self, name: &str) -> Option<String> {
        let Self { call, now, .. } = *self;
        let user = call.user.as_ref();
        let signature = call.context.signature.as_ref().filter(|_| user.is_some());
        match name {
            "aws:currenttime" => Some(now.to_rfc3339_opts(SecondsFormat::Millis, true)),
            "aws:epochtime" => Some(now.timestamp().to_string()),
            "aws:principalarn" => user.map(|user| format!("arn:aws:iam:::user/{}", user.id)),
            "aws:principaltype" => Some(if user.is_some() { "User" } else { "Anonymous" }.to_owned()),
            "aws:referer" => call.header("referer").map(str::to_owned),
            "aws:securetransport" => Some(self.server.secure.to_string()),
            "aws:sourceip" => Some(call.peer.to_canonical().to_string()),
            "aws:useragent" => call.header("user-agent").map(str::to_owned),
            "aws:userid" => user.map(|user| user.id.clone()),
            "aws:username" => user.map(|user| user.display_name.clone()),
            "aws:principalisawsservice" | "aws:viaawsservice" => Some(false.to_string()),
            "s3:authtype" => signature.map(|signature| signature.kind.to_owned()),
            "s3:signatureage" => signature.map(|signature| signature.age(now).to_string()),
            "s3:signatureversion" => signature.map(|signature| signature.version.to_owned()),
            "s3:tlsversion" => call.context.tls.clone(),
            "s3:x-amz-content-sha256" => self.content_hash(),
            "s3:delimiter" | "s3:max-keys" if self.target.missing.is_some() => None,
            "s3:delimiter" => call.parameter("delimiter").map(str::to_owned),
            "s3:max-keys" => call.parameter("max-keys").map(str::to_owned),
            // A client may learn that a key is missing if it may list that key as a prefix.
            "s3:prefix" => self.target.missing.or_else(|| call.parameter("prefix")).map(str::to_owned),
            "s3:versionid" => self.target.version.map(str::to_owned),
            "s3:if-match" => self.target.etag.or_else(|| call.header("if-match")).map(str::to_owned),
            "s3:if-none-match" => call.header("if-none-match").map(str::to_owned),
            "s3:objectcreationoperation" => Some(self.creates_object().to_string()),
            "s3:object-lock-mode" => match self.retention() {
                Some(Retention { mode, .. }) => Some(mode.name().to_owned()),
                None => self.trimmed_setting(object_lock::MODE),
            },
            "s3:object-lock-retain-until-date" => match self.retention() {
                Some(Retention { until, .. }) => Some(object_lock::time_text(until)),
                None => self.trimmed_setting(object_lock::UNTIL),
            },
            // A day that has begun counts in full.
            "s3:object-lock-remaining-retention-days" => {
                self.retention().map(|Retention { until, .. }| {
                    let left = u64::try_from((until - now).num_milliseconds()).unwrap_or(0);
                    left.div_ceil(DAY).to_string()
                })
            }
            "s3:object-lock-legal-hold" => match call.context.legal_hold {
                Some(on) => Some(if on { "ON" } else { "OFF" }.to_owned()),
                None => self.trimmed_setting(object_lock::HOLD),
            },
            // Normalized: with or without a leading slash, and however it is encoded.
            "s3:x-amz-copy-source" => {
                let source = call.setting("x-amz-copy-source")?;
                Some(match copy_source::parse(source) {
                    Ok((bucket, key, _)) => format!("{bucket}/{key}"),
                    Err(_) => source.to_owned(),
                })
            }
            name => call.setting(name.strip_prefix("s3:")?).map(str::to_owned),
        }
    }

    /// The trimmed value of a header, or of the query parameter that replaces it in a presigned URL.
    fn trimmed_setting(&self, name: &str) -> Option<String> {
        self.call.setting(name).map(|value| value.trim().to_owned())
    }

    /// The payload hash of the signature. A presigned V4 URL has UNSIGNED-PAYLOAD unless it states a hash.
    fn content_hash(&self) -> Option<String> {
        let call = self.call;
        let stated = call.setting("x-amz-content-sha256").map(str::to_owned);
        stated.or_else(|| {
            let signature = call.context.signature.as_ref()?;
            let is_presigned_v4 = signature.kind == "REST-QUERY-STRING" && signature.version != "AWS";
            is_presigned_v4.then(|| "UNSIGNED-PAYLOAD".to_owned())
        })
    }

    /// Whether the request creates an object: starting a multipart upload or uploading a part does not.
    fn creates_object(&self) -> bool {
        let has = |name| self.call.parameter(name).is_some();
        !has("uploads") && (!has("uploadId") || self.call.method == Method::POST)
    }

    /// The tags that the request sets. Tags that cannot be parsed are left to the operation, which rejects them.
    fn tags(&self) -> Vec<(String, String)> {
        self.call.new_tags()
    }

    fn retention(&self) -> Option<Retention> {
        self.call.context.retention.or_else(|| retention_from_headers(self.call))
    }
}

/// The values of a tag: an exact match of the name is preferred to one that ignores case, because condition keys are
/// case-insensitive.
fn tag_values(tags: &[(String, String)], name: &str) -> Vec<String> {
    let values = |matches: &dyn Fn(&str) -> bool| -> Vec<String> {
        tags.iter().filter(|(known, _)| matches(known)).map(|(_, value)| value.clone()).collect()
    };
    let exact = values(&|known| known == name);
    if exact.is_empty() { values(&|known| known.eq_ignore_ascii_case(name)) } else { exact }
}

impl Call {
    /// The tags that this request sets on an object, from its body or from the header.
    pub(crate) fn new_tags(&self) -> Vec<(String, String)> {
        if let Some(tags) = &self.context.tags {
            return tags.clone();
        }
        // A copy takes its tags from its source unless the directive is REPLACE.
        if self.setting("x-amz-copy-source").is_some()
            && self.setting("x-amz-tagging-directive") != Some("REPLACE")
        {
            return Vec::new();
        }
        let stated = self.setting("x-amz-tagging").and_then(|text| tags::parse_header(text).ok());
        stated.unwrap_or_default()
    }
}

/// The retention in the headers of a write; `None` if absent or malformed.
fn retention_from_headers(call: &Call) -> Option<Retention> {
    let (mode, until) = (call.setting(object_lock::MODE)?, call.setting(object_lock::UNTIL)?);
    Some(Retention { mode: LockMode::parse(mode)?, until: object_lock::parse_time(until)? })
}
