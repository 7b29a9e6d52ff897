//! Checks that a response with a success status is a success.

use super::Client;
use crate::error::Result;
use crate::http::expected_response::{Body, ExpectedResponse};
use crate::http::request::{MAX_DOCUMENT, Request, Response};
use crate::model::xml;

impl Client {
    /// Checks that a response has the form that S3 defines for the request. Documents are read here, as part of the
    /// attempt: the connection may break while they are read, and CopyObject and CompleteMultipartUpload may respond
    /// with 200 first and fail afterwards.
    pub(super) async fn check_response(&self, request: &Request, response: Response) -> Result<Response> {
        let expected = ExpectedResponse::of(request);
        if let Some(expected) = &expected {
            expected.check_status(request, response.status)?;
        }
        let reads = request.is_document || expected.is_some_and(|expected| expected.body != Body::Content);
        if !reads {
            if let Some(expected) = &expected {
                expected.check_head(request, response.status, &response.headers)?;
            }
            return Ok(response);
        }
        let (status, headers, timeout) = (response.status, response.headers.clone(), response.timeout);
        let text = response.bytes(MAX_DOCUMENT).await?;
        if let Some(expected) = &expected {
            if let Some(mut error) = xml::error_document(&text) {
                error.status = status_of_code(&error.code);
                self.name_resource(&mut error, request);
                return Err(error.into());
            }
            expected.check_head(request, status, &headers)?;
            expected.check_body(request, &text)?;
        }
        let body = crate::http::body::whole(text);
        Ok(Response {
            status,
            headers,
            body,
            timeout,
            progress: None,
            throttle: None,
            after_lost_response: false,
        })
    }
}

/// The status that belongs to the code of a service error inside a 200 response.
fn status_of_code(code: &str) -> u16 {
    match code {
        "SlowDown" | "ServiceUnavailable" => 503,
        "InternalError" => 500,
        "AccessDenied" => 403,
        "NoSuchKey" | "NoSuchUpload" | "NoSuchBucket" => 404,
        "PreconditionFailed" => 412,
        _ => 400,
    }
}
