//! SigV2. <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html>

use super::payload::BodyRule;
use super::signed_request::{Verified, check_skew, does_not_match, expired, find_user, is_same};
use super::{SignedRequest, v4};
use crate::auth::users::User;
use crate::http::form::Form;
use crate::http::http_date;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use chrono::{DateTime, Utc};
use s3cmd_client::sign;
use s3cmd_client::sign::v2;

pub(super) fn header<'a>(
    request: &SignedRequest<'_>,
    authorization: &str,
    users: &'a [User],
    now: DateTime<Utc>,
) -> S3Result<Verified<'a>> {
    let Some((access_key, signature)) = authorization.trim().rsplit_once(':') else {
        return fail(
            ErrorCode::InvalidArgument,
            "AWS authorization header is invalid. Expected AwsAccessKeyId:signature",
        );
    };
    let user = find_user(users, access_key, now)?;
    let date = request.header("x-amz-date").or_else(|| request.header("date"));
    let Some(time) = date.and_then(http_date::parse) else {
        return fail(
            ErrorCode::AccessDenied,
            "AWS authentication requires a valid Date or x-amz-date header",
        );
    };
    // Checked first: a wrong clock is the more useful error, even if the date was changed after signing.
    check_skew(time, now)?;
    check(request, user, signature, None)?;
    Ok(Verified { user: Some(user), body: body(request)? })
}

pub(super) fn query<'a>(
    request: &SignedRequest<'_>,
    users: &'a [User],
    now: DateTime<Utc>,
) -> S3Result<Verified<'a>> {
    let parameter = |name| request.parameter(name).filter(|value| !value.is_empty());
    let (Some(access_key), Some(signature), Some(expires)) =
        (parameter("AWSAccessKeyId"), parameter("Signature"), parameter("Expires"))
    else {
        return fail(
            ErrorCode::AccessDenied,
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
        );
    };
    if let Some((name, _)) = request.query.iter().find(|(name, _)| NEVER_SIGNED.contains(&name.as_str())) {
        return fail(
            ErrorCode::AccessDenied,
            format!("A presigned V2 URL cannot have ?{name}, because its signature does not cover it."),
        );
    }
    let user = find_user(users, access_key, now)?;
    let Ok(until) = expires.parse::<i64>() else {
        return fail(ErrorCode::AccessDenied, "Invalid date (should be seconds since epoch)");
    };
    check(request, user, signature, Some(expires))?;
    if now.timestamp() > until {
        return Err(expired());
    }
    Ok(Verified { user: Some(user), body: body(request)? })
}

/// Verifies the signature of a form's policy.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/HTTPPOSTForms.html>
pub(super) fn form<'a>(
    form: &Form,
    policy: &str,
    users: &'a [User],
    now: DateTime<Utc>,
) -> S3Result<&'a User> {
    let user = find_user(users, form.required("AWSAccessKeyId")?, now)?;
    let signature = form.required("Signature")?;
    if is_same(&v2::signature(policy, &user.secret_key), signature) {
        Ok(user)
    } else {
        Err(does_not_match(&user.access_key))
    }
}

/// Sub-resources that V2 never signs: anyone who has a presigned URL could add them to it.
const NEVER_SIGNED: &[&str] = &["ownershipControls", "replication"];

/// Sub-resources that are newer than V2's documentation. Ceph's list includes them; s3cmd 2.4.0 and botocore leave them
/// out of the signature.
const LATER: &[&str] = &["encryption", "legal-hold", "policyStatus", "publicAccessBlock", "retention"];

fn check(request: &SignedRequest<'_>, user: &User, signature: &str, expires: Option<&str>) -> S3Result<()> {
    let mut queries = vec![request.query.to_vec()];
    // Not for presigned URLs: anyone who has one could add such a sub-resource to it.
    if expires.is_none() && request.query.iter().any(|(name, _)| LATER.contains(&name.as_str())) {
        let mut without_later = request.query.to_vec();
        without_later.retain(|(name, _)| !LATER.contains(&name.as_str()));
        queries.push(without_later);
    }
    let mut paths = request.paths();
    if request.host_bucket.is_none() && request.path.len() > 1 && request.path.rfind('/') == Some(0) {
        // boto3 signs a bucket's path with a trailing slash, and sends it without.
        paths.push(format!("{}/", request.path));
    }
    for path in paths {
        for query in &queries {
            let signed =
                sign::Request { method: request.method, path: &path, query, headers: request.headers };
            let text = v2::string_to_sign(&signed, request.host_bucket, expires);
            if is_same(&v2::signature(&text, &user.secret_key), signature) {
                return Ok(());
            }
        }
    }
    Err(does_not_match(&user.access_key))
}

/// V2 does not sign the body, but a hash in the request is verified all the same.
fn body(request: &SignedRequest<'_>) -> Result<BodyRule, S3Error> {
    v4::unsigned_body(request.header("x-amz-content-sha256"), request)
}
