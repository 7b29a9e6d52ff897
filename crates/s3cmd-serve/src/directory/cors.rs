//! CORS: preflight requests, and the CORS headers of responses.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use super::state::Server;
use crate::http::call::Reply;
use crate::model::cors_rules::{CorsRequest, names};
use crate::model::error::{ErrorCode, S3Error, S3Result};

/// The CORS headers of the response to a request; empty if no rule matches.
pub(crate) fn headers(
    server: &Server,
    bucket: &str,
    request: &CorsRequest<'_>,
) -> Vec<(&'static str, String)> {
    let Ok(bucket) = server.store.bucket(bucket) else { return Vec::new() };
    let config = bucket.config();
    let Some(Ok(rules)) = &config.cors else { return Vec::new() };
    rules.find(request).map(|(rule, origin)| rule.response_headers(origin)).unwrap_or_default()
}

fn forbidden(why: &str) -> S3Error {
    S3Error::new(ErrorCode::AccessForbidden, format!("CORSResponse: {why}"))
}

/// The error for a preflight request to a bucket without rules.
pub(crate) fn not_enabled() -> S3Error {
    forbidden("CORS is not enabled for this bucket.")
}

/// Handles a preflight request (OPTIONS). Browsers do not sign these.
pub(crate) fn preflight(server: &Server, bucket: &str, request: &CorsRequest<'_>) -> S3Result<Reply> {
    let config = match server.store.bucket(bucket) {
        Ok(bucket) => bucket.config(),
        Err(error) if error.code == ErrorCode::NoSuchBucket => return Err(forbidden("Bucket not found")),
        Err(error) => return Err(error),
    };
    let rules = match &config.cors {
        Some(Ok(rules)) => rules,
        Some(Err(error)) => return Err(error.clone()),
        None => return Err(not_enabled()),
    };
    let Some((rule, origin)) = rules.find(request) else {
        return Err(forbidden("No rule of the bucket allows this origin, method and these headers.")
            .detail("Method", request.method));
    };
    let mut reply = Reply::new(200);
    reply
        .headers
        .extend(rule.response_headers(origin).into_iter().map(|(name, value)| (name.to_owned(), value)));
    let requested: Vec<String> = names(request.headers.unwrap_or("")).map(str::to_ascii_lowercase).collect();
    if !requested.is_empty() {
        reply = reply.header("access-control-allow-headers", requested.join(", "));
    }
    Ok(reply)
}

/// Parses the headers of a preflight request. BadRequest if the origin or the method is missing.
pub(crate) fn parse_preflight<'a>(headers: &'a [(String, String)]) -> S3Result<CorsRequest<'a>> {
    let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let Some(origin) = header("origin") else {
        return Err(S3Error::new(
            ErrorCode::BadRequest,
            "Insufficient information. Origin request header needed.",
        ));
    };
    let Some(method) = header("access-control-request-method") else {
        return Err(S3Error::new(ErrorCode::BadRequest, "Invalid Access-Control-Request-Method: null"));
    };
    Ok(CorsRequest { origin, method, headers: header("access-control-request-headers") })
}
