//! The headers of one attempt, signed as its route specifies.

use super::route::Route;
use super::{Client, Signature};
use crate::error::{Error, Result};
use crate::http::header_text;
use crate::http::request::Request;
use crate::http::stream_body::{ChunkSigner, STREAMING_PAYLOAD};
use crate::sign::{self, v2, v4};
use chrono::Utc;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

impl Client {
    /// Returns the headers to send, and the signer for the chunks of a body whose checksum is not known in advance.
    pub(super) fn signed_headers(
        &self,
        request: &Request,
        route: &Route,
    ) -> Result<(HeaderMap, Option<ChunkSigner>)> {
        let options = &self.inner.options;
        let (target, credentials) = (&route.target, route.credentials.as_ref());
        let mut headers = request.headers.clone();
        headers.push(("host".to_owned(), target.host.clone()));
        let chunked = request.stream.as_ref().filter(|_| {
            credentials.is_some() && request.payload_sha256.is_none() && route.signature == Signature::V4
        });
        let carries_body = matches!(request.method, Method::PUT | Method::POST);
        if carries_body {
            let length = match (&request.stream, chunked) {
                (_, Some(stream)) => stream.signed_len(),
                (Some(stream), None) => stream.len(),
                (None, None) => request.payload.len(),
            };
            headers.push(("content-length".to_owned(), length.to_string()));
        }
        if let Some(stream) = chunked {
            headers.push(("x-amz-decoded-content-length".to_owned(), stream.len().to_string()));
        }
        let mut signer = None;
        if options.requester_pays && request.method != Method::DELETE {
            headers.push(("x-amz-request-payer".to_owned(), "requester".to_owned()));
        }
        if let Some(credentials) = credentials {
            let signable = sign::Request {
                method: request.method.as_str(),
                path: &target.path,
                query: &request.query,
                headers: &headers,
            };
            let added = match route.signature {
                Signature::V2 => {
                    let bucket = request.bucket.as_deref().filter(|_| target.bucket_in_host);
                    v2::sign(&signable, bucket, credentials, Utc::now())
                }
                Signature::V4 => {
                    let scope =
                        v4::Scope { time: Utc::now(), region: &route.region, service: options.service };
                    let known_hash = request.payload_sha256.as_deref();
                    let hash = known_hash.unwrap_or(if chunked.is_some() {
                        STREAMING_PAYLOAD
                    } else {
                        v4::EMPTY_SHA256
                    });
                    let added = v4::sign(&signable, hash, credentials, &scope);
                    if chunked.is_some() {
                        signer = ChunkSigner::of(&added, credentials, &scope, options.service);
                    }
                    added
                }
            };
            headers.extend(added);
        }
        let mut map = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            let message = || format!("Header '{name}' cannot be sent with that value");
            let parsed =
                HeaderName::from_bytes(name.as_bytes()).map_err(|error| Error::invalid(message(), error))?;
            let mut value = HeaderValue::from_bytes(&header_text::to_bytes(&value))
                .map_err(|error| Error::invalid(message(), error))?;
            value.set_sensitive(matches!(name.as_str(), "authorization" | "x-amz-security-token"));
            map.append(parsed, value);
        }
        Ok((map, signer))
    }
}
