//! The parts of a request that a signature covers, and what all kinds of signatures share.

use super::payload::BodyRule;
use crate::auth::users::User;
use crate::model::error::{ErrorCode, S3Error, S3Result};
use crate::model::xml;
use chrono::{DateTime, TimeDelta, Utc};
use percent_encoding::percent_decode_str;
use s3cmd_client::sign::encode;
use subtle::ConstantTimeEq;

/// The maximum deviation of a client's clock.
const MAX_SKEW: TimeDelta = TimeDelta::minutes(15);

/// The parts of a request that a signature covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedRequest<'a> {
    pub(crate) method: &'a str,
    /// As in the request line.
    pub(crate) path: &'a str,
    /// Percent-decoded.
    pub(crate) query: &'a [(String, String)],
    /// Names in lower case.
    pub(crate) headers: &'a [(String, String)],
    /// The bucket in the host name, for virtual-host style.
    pub(crate) host_bucket: Option<&'a str>,
}

impl SignedRequest<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Version and place of the signature, as in access logs; `None` for an unsigned request.
    pub(crate) fn kind(&self) -> Option<(&'static str, &'static str)> {
        Some(match self.header("authorization") {
            Some(value) if value.starts_with("AWS4-") => ("SigV4", "AuthHeader"),
            Some(_) => ("SigV2", "AuthHeader"),
            None if self.parameter("X-Amz-Signature").is_some() => ("SigV4", "QueryString"),
            None if self.parameter("Signature").is_some() => ("SigV2", "QueryString"),
            None => return None,
        })
    }

    /// The encodings of the path that a signature may cover: as sent, then canonical.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = vec![self.path.to_owned()];
        if let Ok(decoded) = percent_decode_str(self.path).decode_utf8() {
            let canonical = encode::path(&decoded).into_owned();
            if canonical != self.path {
                paths.push(canonical);
            }
        }
        paths
    }
}

/// The user of a verified request (`None`: anonymous), and how to verify its body.
#[derive(Clone, Debug)]
pub(crate) struct Verified<'a> {
    pub(crate) user: Option<&'a User>,
    pub(crate) body: BodyRule,
}

/// The user of an access key. InvalidAccessKeyId for an unknown or an expired key, as in S3; the message says which.
pub(super) fn find_user<'a>(users: &'a [User], access_key: &str, now: DateTime<Utc>) -> S3Result<&'a User> {
    let invalid = |message| {
        Err(S3Error::new(ErrorCode::InvalidAccessKeyId, message).detail("AWSAccessKeyId", access_key))
    };
    match users.iter().find(|user| user.access_key == access_key) {
        None => invalid("The AWS Access Key Id you provided does not exist in our records."),
        Some(user) if user.expires.is_some_and(|expires| now >= expires) => {
            invalid("The AWS Access Key Id you provided has expired.")
        }
        Some(user) => Ok(user),
    }
}

/// Compares two signatures in constant time.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

pub(super) fn does_not_match(access_key: &str) -> S3Error {
    S3Error::new(ErrorCode::SignatureDoesNotMatch,
        "The request signature we calculated does not match the signature you provided. Check your key and signing \
         method.",
    )
    .detail("AWSAccessKeyId", access_key)
}

pub(super) fn expired() -> S3Error {
    S3Error::new(ErrorCode::AccessDenied, "Request has expired")
}

pub(super) fn check_skew(time: DateTime<Utc>, now: DateTime<Utc>) -> S3Result<()> {
    if (now - time).abs() > MAX_SKEW {
        return Err(S3Error::new(
            ErrorCode::RequestTimeTooSkewed,
            "The difference between the request time and the current time is too large.",
        )
        .detail("ServerTime", xml::time(now)));
    }
    Ok(())
}
