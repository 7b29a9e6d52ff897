//! Who sent a request: signatures are verified here, in front of everything else.
//!
//! SigV4 and SigV2, in the header and in the query, with the very functions that the client signs with. Any region
//! name in a V4 scope is taken (s3cmd's default is `US`), unless the server is told to check it. The path is verified as it was sent, byte for byte,
//! and, if that fails, in its canonical encoding, for clients that sign that and send another spelling.

pub(crate) mod checksum;
pub(crate) mod chunked;
pub(crate) mod payload;
mod v2;
mod v4;

use super::error::{S3Error, S3Result, fail};
use super::form::{self, Form};
use super::users::User;
use crate::s3::sign::encode;
use chrono::{DateTime, TimeDelta, Utc};
use chunked::ChunkRule;
use percent_encoding::percent_decode_str;
use subtle::ConstantTimeEq;

/// The most that a client's clock may be off.
const MAX_SKEW: TimeDelta = TimeDelta::minutes(15);

/// What a signature is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    /// As in the request line.
    pub(crate) path: &'a str,
    /// Decoded.
    pub(crate) query: &'a [(String, String)],
    /// Lower-case names.
    pub(crate) headers: &'a [(String, String)],
    /// The bucket where the host name says it.
    pub(crate) host_bucket: Option<&'a str>,
}

impl Signed<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Version and place of the signature, as access logs name them; `None` without one.
    pub(crate) fn kind(&self) -> Option<(&'static str, &'static str)> {
        Some(match self.header("authorization") {
            Some(value) if value.starts_with("AWS4-") => ("SigV4", "AuthHeader"),
            Some(_) => ("SigV2", "AuthHeader"),
            None if self.parameter("X-Amz-Signature").is_some() => ("SigV4", "QueryString"),
            None if self.parameter("Signature").is_some() => ("SigV2", "QueryString"),
            None => return None,
        })
    }

    /// The spellings of the path that a signature may be over: as sent, then canonical.
    fn paths(&self) -> Vec<String> {
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

/// How the body is to be checked.
#[derive(Clone, Debug, Default)]
pub(crate) enum BodyRule {
    /// Nothing was signed of it.
    #[default]
    Unsigned,
    /// Hex SHA-256 of it.
    Sha256(String),
    /// It comes in chunks.
    Chunked(ChunkRule),
}

/// Whose request it is (`None`: anonymous), and what was signed of its body.
#[derive(Clone, Debug)]
pub(crate) struct Verified<'a> {
    pub(crate) user: Option<&'a User>,
    pub(crate) body: BodyRule,
}

/// Verifies a request at a time. A request that carries no signature at all is anonymous.
pub(crate) fn verify<'a>(
    request: &Signed<'_>,
    users: &'a [User],
    now: DateTime<Utc>,
) -> S3Result<Verified<'a>> {
    let token = request.header("x-amz-security-token").or_else(|| request.parameter("X-Amz-Security-Token"));
    if token.is_some_and(|token| !token.is_empty()) {
        return fail("InvalidToken", "The provided token is malformed or otherwise invalid.");
    }
    if let Some(authorization) = request.header("authorization") {
        return match authorization.split_once(' ') {
            Some(("AWS4-HMAC-SHA256", rest)) => v4::header(request, rest, users, now),
            Some(("AWS", rest)) => v2::header(request, rest, users, now),
            None if authorization.is_empty() => fail("AccessDenied", "The authorization header is empty."),
            _ => fail("InvalidArgument", "Unsupported Authorization Type"),
        };
    }
    if request.parameter("X-Amz-Algorithm").is_some() || request.parameter("X-Amz-Signature").is_some() {
        return v4::query(request, users, now);
    }
    if request.parameter("AWSAccessKeyId").is_some() || request.parameter("Signature").is_some() {
        return v2::query(request, users, now);
    }
    let hash = request.header("x-amz-content-sha256");
    Ok(Verified { user: None, body: v4::unsigned_body(hash, request)? })
}

/// Takes a request for the first user's without looking at its signature, where it comes from a program on this machine.
/// Whatever a browser may send for a page of another site is anonymous, and so is a request for a host name that is not
/// this machine's, which such a page can make its own name be.
pub(crate) fn believe<'a>(request: &Signed<'_>, users: &'a [User]) -> S3Result<Verified<'a>> {
    let is_of_a_page = request.header("origin").is_some()
        || request.header("sec-fetch-site").is_some_and(|site| !["none", "same-origin"].contains(&site));
    // A form says in its own fields whose it is.
    let is_form = request.header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data"));
    let is_local = request.header("host").is_some_and(is_local_name);
    let user = users.first().filter(|_| is_local && !is_of_a_page && !is_form);
    let stated = request.header("x-amz-content-sha256").or(request.parameter("X-Amz-Content-Sha256"));
    Ok(Verified { user, body: v4::believed_body(stated, request)? })
}

/// Whether a `Host` header names this machine.
fn is_local_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_localhost =
        name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    is_localhost
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Refuses a V4 signature that names another region, in the words of AWS; version 2 knows no regions.
pub(crate) fn check_region(request: &Signed<'_>, region: &str) -> S3Result<()> {
    let (named, in_header) = match request.header("authorization") {
        Some(value) => (value.strip_prefix("AWS4-HMAC-SHA256 ").and_then(v4::region_of_header), true),
        None => (request.parameter("X-Amz-Credential").and_then(v4::region_of), false),
    };
    let Some(named) = named.filter(|named| *named != region) else { return Ok(()) };
    let wrong = format!("the region '{named}' is wrong; expecting '{region}'");
    let error = if in_header { v4::malformed(&wrong) } else { v4::bad_credential(&wrong) };
    let error = error.detail("Region", region);
    // AWS tells it in the head as well where there is no body.
    let is_bucket = request.path.trim_matches('/').split('/').count() == 1;
    Err(if request.method == "HEAD" && is_bucket {
        error.header("x-amz-bucket-region", region)
    } else {
        error
    })
}

/// Verifies the signature of a browser's form, which is over its policy: SigV4 or SigV2. A form without a policy is an
/// anonymous one.
pub(crate) fn verify_form<'a>(
    form: &Form,
    users: &'a [User],
    now: DateTime<Utc>,
) -> S3Result<Option<&'a User>> {
    const SIGNED: [&str; 4] = ["x-amz-signature", "x-amz-credential", "signature", "awsaccesskeyid"];
    if form.field("x-amz-security-token").is_some_and(|token| !token.is_empty()) {
        return fail("InvalidToken", "The provided token is malformed or otherwise invalid.");
    }
    let Some(policy) = form.field("policy") else {
        return if SIGNED.iter().any(|name| form.field(name).is_some()) {
            Err(form::missing("policy"))
        } else {
            Ok(None)
        };
    };
    let is_v4 = ["x-amz-signature", "x-amz-credential", "x-amz-algorithm"];
    let is_v4 = is_v4.iter().any(|name| form.field(name).is_some());
    if is_v4 { v4::form(form, policy, users, now) } else { v2::form(form, policy, users, now) }.map(Some)
}

/// The user of an access key. S3 knows no key any more that is not valid any more; the message says which it is.
fn find<'a>(users: &'a [User], access_key: &str, now: DateTime<Utc>) -> S3Result<&'a User> {
    let invalid =
        |message| Err(S3Error::new("InvalidAccessKeyId", message).detail("AWSAccessKeyId", access_key));
    match users.iter().find(|user| user.access_key == access_key) {
        None => invalid("The AWS Access Key Id you provided does not exist in our records."),
        Some(user) if user.expires.is_some_and(|expires| now >= expires) => {
            invalid("The AWS Access Key Id you provided has expired.")
        }
        Some(user) => Ok(user),
    }
}

fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

fn does_not_match(access_key: &str) -> S3Error {
    S3Error::new(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing \
         method.",
    )
    .detail("AWSAccessKeyId", access_key)
}

fn expired() -> S3Error {
    S3Error::new("AccessDenied", "Request has expired")
}

fn check_skew(time: DateTime<Utc>, now: DateTime<Utc>) -> S3Result<()> {
    if (now - time).abs() > MAX_SKEW {
        return Err(S3Error::new(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )
        .detail("ServerTime", super::xml::time(now)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
