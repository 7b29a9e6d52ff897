//! Authentication: verifies the signature of a request before anything else.
//!
//! SigV4 and SigV2, in the header and in the query, use the client's own signing functions. Any region name in a V4
//! scope is accepted (s3cmd's default is `US`), unless the server is configured to check it. The path is verified
//! exactly as sent and, if that fails, in its canonical encoding, because some clients sign that and send another
//! encoding.

pub(crate) mod checksum;
pub(crate) mod chunked;
pub(crate) mod payload;
pub(crate) mod post_policy;
pub(crate) mod signed_request;
pub(crate) mod users;
mod v2;
mod v4;

use crate::auth::users::User;
use crate::http::form::{self, Form};
use crate::model::error::{ErrorCode, S3Result, fail};
use chrono::{DateTime, Utc};
use signed_request::{SignedRequest, Verified};

/// Verifies the signature of a request at the time `now`. A request without any signature is anonymous.
pub(crate) fn verify<'a>(
    request: &SignedRequest<'_>,
    users: &'a [User],
    now: DateTime<Utc>,
) -> S3Result<Verified<'a>> {
    let token = request.header("x-amz-security-token").or_else(|| request.parameter("X-Amz-Security-Token"));
    if token.is_some_and(|token| !token.is_empty()) {
        return fail(ErrorCode::InvalidToken, "The provided token is malformed or otherwise invalid.");
    }
    if let Some(authorization) = request.header("authorization") {
        return match authorization.split_once(' ') {
            Some(("AWS4-HMAC-SHA256", rest)) => v4::header(request, rest, users, now),
            Some(("AWS", rest)) => v2::header(request, rest, users, now),
            None if authorization.is_empty() => {
                fail(ErrorCode::AccessDenied, "The authorization header is empty.")
            }
            _ => fail(ErrorCode::InvalidArgument, "Unsupported Authorization Type"),
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

/// Treats a request from a program on this machine as the first user's, without checking its signature. Everything that
/// a browser may send for a page of another site is anonymous. So are requests with a host name that is not this
/// machine's, to prevent DNS rebinding by such a page.
pub(crate) fn trust_local<'a>(request: &SignedRequest<'_>, users: &'a [User]) -> S3Result<Verified<'a>> {
    let is_cross_site = request.header("origin").is_some()
        || request.header("sec-fetch-site").is_some_and(|site| !["none", "same-origin"].contains(&site));
    // The user of a form is determined by its own fields.
    let is_form = request.header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data"));
    let is_local = request.header("host").is_some_and(is_local_name);
    let user = users.first().filter(|_| is_local && !is_cross_site && !is_form);
    let stated = request.header("x-amz-content-sha256").or(request.parameter("X-Amz-Content-Sha256"));
    Ok(Verified { user, body: v4::unverified_body(stated, request)? })
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

/// Rejects a V4 signature that names another region, with AWS's messages. V2 signatures have no region.
pub(crate) fn check_region(request: &SignedRequest<'_>, region: &str) -> S3Result<()> {
    let (named, in_header) = match request.header("authorization") {
        Some(value) => (value.strip_prefix("AWS4-HMAC-SHA256 ").and_then(v4::region_of_header), true),
        None => (request.parameter("X-Amz-Credential").and_then(v4::region_of), false),
    };
    let Some(named) = named.filter(|named| *named != region) else { return Ok(()) };
    let message = format!("the region '{named}' is wrong; expecting '{region}'");
    let error = if in_header { v4::malformed(&message) } else { v4::bad_credential(&message) };
    let error = error.detail("Region", region);
    // A response to HEAD has no body, so AWS sends the region in a header, too.
    let is_bucket = request.path.trim_matches('/').split('/').count() == 1;
    Err(if request.method == "HEAD" && is_bucket {
        error.header("x-amz-bucket-region", region)
    } else {
        error
    })
}

/// Verifies the SigV4 or SigV2 signature of a browser form, which covers its policy. A form without a policy is
/// anonymous.
pub(crate) fn verify_form<'a>(
    form: &Form,
    users: &'a [User],
    now: DateTime<Utc>,
) -> S3Result<Option<&'a User>> {
    const SIGNATURE_FIELDS: [&str; 4] =
        ["x-amz-signature", "x-amz-credential", "signature", "awsaccesskeyid"];
    if form.field("x-amz-security-token").is_some_and(|token| !token.is_empty()) {
        return fail(ErrorCode::InvalidToken, "The provided token is malformed or otherwise invalid.");
    }
    let Some(policy) = form.field("policy") else {
        return if SIGNATURE_FIELDS.iter().any(|name| form.field(name).is_some()) {
            Err(form::missing("policy"))
        } else {
            Ok(None)
        };
    };
    let v4_fields = ["x-amz-signature", "x-amz-credential", "x-amz-algorithm"];
    let is_v4 = v4_fields.iter().any(|name| form.field(name).is_some());
    if is_v4 { v4::form(form, policy, users, now) } else { v2::form(form, policy, users, now) }.map(Some)
}

#[cfg(test)]
mod tests;
