//! What pages of other origins may do with a bucket: preflight requests, and the headers of actual answers.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use super::state::Server;
use crate::http::call::Reply;
use crate::model::cors_rules::{CorsRequest, names};
use crate::model::error::{ErrorCode, S3Error, S3Result};

/// The headers that let a page of the origin read the answer to its request; none where no rule fits.
pub(crate) fn headers(
    server: &Server,
    bucket: &str,
    request: &CorsRequest<'_>,
) -> Vec<(&'static str, String)> {
    let Ok(bucket) = server.store.bucket(bucket) else { return Vec::new() };
    let config = bucket.config();
    let Some(Ok(rules)) = &config.cors else { return Vec::new() };
    rules.find(request).map(|(rule, origin)| rule.answer(origin)).unwrap_or_default()
}

fn forbidden(why: &str) -> S3Error {
    S3Error::new(ErrorCode::AccessForbidden, format!("CORSResponse: {why}"))
}

/// The answer to a preflight request where there are no rules.
pub(crate) fn not_enabled() -> S3Error {
    forbidden("CORS is not enabled for this bucket.")
}

/// Answers a preflight request (OPTIONS). It carries no signature: browsers send none.
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
    reply.headers.extend(rule.answer(origin).into_iter().map(|(name, value)| (name.to_owned(), value)));
    let wanted: Vec<String> = names(request.headers.unwrap_or("")).map(str::to_ascii_lowercase).collect();
    if !wanted.is_empty() {
        reply = reply.header("access-control-allow-headers", wanted.join(", "));
    }
    Ok(reply)
}

/// Reads the headers of a preflight request.
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
