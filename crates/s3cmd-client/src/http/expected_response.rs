//! What a successful response of S3 looks like, for each operation. A misconfigured proxy, a captive portal or a
//! server that does not know the operation also responds with a 2xx status, so a response that does not have the
//! expected form is an error.
//!
//! Sources: the pages of the operations listed at
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>, and the
//! responses of Ceph, MinIO, moto and `rclone serve s3` where they differ.

use super::request::Request;
use crate::error::{Error, Result, ServiceError};
use crate::model::xml;
use http::{HeaderMap, Method};

/// The sub-resources of buckets and objects by query parameter, each with the root elements that its document may
/// have. The list of roots is empty if servers disagree about the root.
const DOCUMENTS: [(&str, Body); 20] = [
    ("accelerate", Body::Xml(&[])),
    ("acl", Body::Xml(&["AccessControlPolicy"])),
    ("attributes", Body::Xml(&[])),
    ("cors", Body::Xml(&["CORSConfiguration"])),
    ("encryption", Body::Xml(&[])),
    ("legal-hold", Body::Xml(&[])),
    ("lifecycle", Body::Xml(&["LifecycleConfiguration"])),
    ("location", Body::Xml(&[])),
    ("logging", Body::Xml(&["BucketLoggingStatus"])),
    ("notification", Body::Xml(&[])),
    ("object-lock", Body::Xml(&[])),
    ("ownershipControls", Body::Xml(&["OwnershipControls"])),
    ("policy", Body::Json),
    ("publicAccessBlock", Body::Xml(&[])),
    ("requestPayment", Body::Xml(&["RequestPaymentConfiguration"])),
    ("restore", Body::Xml(&[])),
    ("retention", Body::Xml(&[])),
    ("tagging", Body::Xml(&["Tagging"])),
    ("versioning", Body::Xml(&[])),
    ("website", Body::Xml(&["WebsiteConfiguration"])),
];

/// Which headers a response must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequiredHeader {
    Nothing,
    /// An ETag: the operation stored content.
    Etag,
    /// A header that distinguishes an object from a web page: an ETag, a date, or an `x-amz-` header.
    Object,
}

/// What the body of a response contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// The content of an object, or nothing. It is not read here.
    Content,
    /// Nothing. Some servers send a document anyway; any root element is accepted.
    Nothing,
    /// An XML document with one of these root elements, or with any root if the list is empty.
    Xml(&'static [&'static str]),
    /// A JSON document (a bucket policy).
    Json,
}

/// The expected form of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExpectedResponse {
    statuses: &'static [u16],
    required_header: RequiredHeader,
    pub(crate) body: Body,
}

impl ExpectedResponse {
    const fn new(statuses: &'static [u16], body: Body) -> Self {
        Self { statuses, required_header: RequiredHeader::Nothing, body }
    }

    const fn with_header(self, required_header: RequiredHeader) -> Self {
        Self { required_header, ..self }
    }

    const fn document(roots: &'static [&'static str]) -> Self {
        Self::new(&[200], Body::Xml(roots))
    }

    /// The expected form of the response to a request; `None` for services other than S3.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        if request.path.is_some() {
            return None;
        }
        let has = |name: &str| request.query.iter().any(|(found, _)| found == name);
        let header = |names: &[&str]| request.headers.iter().any(|(name, _)| names.contains(&name.as_str()));
        let is_partial = has("partNumber") || header(&["range"]);
        let is_conditional = header(&["if-none-match", "if-modified-since"]);
        let content: &[u16] = match (is_partial, is_conditional) {
            (false, false) => &[200],
            (true, false) => &[200, 206],
            (false, true) => &[200, 304],
            (true, true) => &[200, 206, 304],
        };
        let copies = header(&["x-amz-copy-source"]);
        let document = DOCUMENTS.iter().find(|(name, _)| has(name)).map(|(_, body)| *body);
        let of_object = request.key.is_some();
        Some(match (&request.method, document) {
            (&Method::GET, _) if request.bucket.is_none() => Self::document(&["ListAllMyBucketsResult"]),
            (&Method::GET, Some(body)) => Self::new(&[200], body),
            (&Method::PUT, Some(_)) => Self::new(&[200, 204], Body::Nothing),
            // 202: the restore request was accepted; 200: the object was restored before.
            (&Method::POST, Some(_)) => Self::new(&[200, 202], Body::Nothing),
            (&Method::DELETE, _) => Self::new(&[204, 200], Body::Nothing),
            // moto uses the first name.
            (&Method::GET, _) if of_object && has("uploadId") => {
                Self::document(&["ListPartsResult", "ListPartsResponse"])
            }
            (&Method::GET, _) if of_object => {
                Self::new(content, Body::Content).with_header(RequiredHeader::Object)
            }
            (&Method::GET, _) if has("versions") => Self::document(&["ListVersionsResult"]),
            (&Method::GET, _) if has("uploads") => Self::document(&["ListMultipartUploadsResult"]),
            (&Method::GET, _) => Self::document(&["ListBucketResult"]),
            (&Method::HEAD, _) if of_object => {
                Self::new(content, Body::Content).with_header(RequiredHeader::Object)
            }
            (&Method::PUT, _) if copies && has("uploadId") => Self::document(&["CopyPartResult"]),
            (&Method::PUT, _) if copies => Self::document(&["CopyObjectResult"]),
            (&Method::PUT, _) if of_object => {
                Self::new(&[200], Body::Nothing).with_header(RequiredHeader::Etag)
            }
            (&Method::POST, _) if has("delete") => Self::document(&["DeleteResult"]),
            // `rclone serve s3` (1.75.2) omits the end of the root's name.
            (&Method::POST, _) if has("uploads") => {
                Self::document(&["InitiateMultipartUploadResult", "InitiateMultipartUpload"])
            }
            (&Method::POST, _) if has("uploadId") => Self::document(&["CompleteMultipartUploadResult"]),
            _ => Self::new(&[200], Body::Nothing),
        })
    }

    /// Checks the status of a response that is not an error.
    pub(crate) fn check_status(&self, request: &Request, status: u16) -> Result<()> {
        match self.statuses.contains(&status) {
            true => Ok(()),
            false => Err(unexpected(request, format_args!("status {status}"))),
        }
    }

    /// Checks the headers of a response.
    pub(crate) fn check_head(&self, request: &Request, status: u16, headers: &HeaderMap) -> Result<()> {
        let has = |name: &str| headers.get(name).is_some_and(|value| !value.is_empty());
        let is_present = match self.required_header {
            _ if status == 304 => true,
            RequiredHeader::Nothing => true,
            RequiredHeader::Etag => has("etag"),
            RequiredHeader::Object => {
                has("etag")
                    || has("last-modified")
                    || headers.keys().any(|name| name.as_str().starts_with("x-amz-"))
            }
        };
        match (is_present, self.required_header) {
            (true, _) => Ok(()),
            (false, RequiredHeader::Etag) => Err(unexpected(request, "no ETag")),
            (false, _) => Err(unexpected(request, "neither an ETag nor a date")),
        }
    }

    /// Checks a response body that has been read and is not an error document.
    pub(crate) fn check_body(&self, request: &Request, text: &[u8]) -> Result<()> {
        let is_empty = text.trim_ascii().is_empty();
        let root = xml::root_of(text);
        // A service that does not know a sub-resource may ignore the parameter and list the bucket (Ceph 16.2 does).
        let is_listed = root.as_ref().is_some_and(|root| root == "ListBucketResult");
        if is_listed
            && let Some((name, _)) =
                request.query.iter().find(|(name, _)| DOCUMENTS.iter().any(|(known, _)| known == name))
        {
            let message = format!("the service does not support '{name}'");
            let error = ServiceError {
                status: 501,
                code: "NotImplemented".to_owned(),
                message,
                bucket: request.bucket.clone(),
                ..ServiceError::default()
            };
            return Err(error.into());
        }
        let roots = match self.body {
            Body::Content => return Ok(()),
            Body::Json => {
                let is_object =
                    serde_json::from_slice::<serde_json::Value>(text).is_ok_and(|json| json.is_object());
                return if is_object {
                    Ok(())
                } else {
                    Err(unexpected(request, "a body that is not a policy"))
                };
            }
            Body::Nothing if is_empty => return Ok(()),
            Body::Xml(_) if is_empty => return Err(unexpected(request, "nothing")),
            Body::Nothing => &[][..],
            Body::Xml(roots) => roots,
        };
        match root {
            None => Err(unexpected(request, "a body that is not XML")),
            Some(root) if root.eq_ignore_ascii_case("html") => Err(unexpected(request, "a web page")),
            Some(root) if roots.is_empty() || roots.contains(&root.as_str()) => Ok(()),
            Some(root) => Err(unexpected(request, format_args!("a '{root}'"))),
        }
    }
}

/// The error for a response that no S3 server sends. Callers print the text after "The server sent".
fn unexpected(request: &Request, what: impl std::fmt::Display) -> Error {
    Error::Malformed(
        format!("no valid S3 response to {} {}: {what}", request.method, request.resource_with_query())
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, key: Option<&str>, query: &[&str], headers: &[&str]) -> Request {
        let request = Request::new(method, Some("b"), key);
        let request = query.iter().fold(request, |request, name| request.query(name, "1"));
        headers.iter().fold(request, |request, name| request.header(name, "x"))
    }

    #[test]
    fn statuses_are_those_of_the_operation() {
        use Method as M;
        let copy = &["x-amz-copy-source"][..];
        for (method, key, query, headers, statuses) in [
            (M::PUT, Some("k"), &[][..], &[][..], &[200][..]),
            (M::PUT, Some("k"), &["partNumber", "uploadId"], &[], &[200]),
            (M::PUT, Some("k"), &[], copy, &[200]),
            (M::PUT, Some("k"), &["acl"], &[], &[200, 204]),
            (M::PUT, None, &["policy"], &[], &[200, 204]),
            (M::PUT, None, &[], &[], &[200]),
            (M::POST, Some("k"), &["restore"], &[], &[200, 202]),
            (M::POST, None, &["delete"], &[], &[200]),
            (M::POST, Some("k"), &["uploads"], &[], &[200]),
            (M::DELETE, Some("k"), &[], &[], &[200, 204]),
            (M::DELETE, Some("k"), &["uploadId"], &[], &[200, 204]),
            (M::DELETE, None, &["policy"], &[], &[200, 204]),
            (M::GET, Some("k"), &[], &[], &[200]),
            (M::GET, Some("k"), &[], &["range"], &[200, 206]),
            (M::GET, Some("k"), &[], &["if-none-match"], &[200, 304]),
            (M::HEAD, Some("k"), &["partNumber"], &[], &[200, 206]),
            (M::HEAD, Some("k"), &["versionId"], &[], &[200]),
            (M::HEAD, None, &[], &[], &[200]),
            (M::GET, None, &["versions"], &[], &[200]),
        ] {
            let expected = ExpectedResponse::of(&request(method.clone(), key, query, headers)).unwrap();
            for status in [200, 201, 202, 203, 204, 206, 207, 304] {
                let is_expected = expected.statuses.contains(&status);
                assert_eq!(is_expected, statuses.contains(&status), "{method} {key:?} {query:?} {status}");
            }
        }
        assert_eq!(ExpectedResponse::of(&Request::at(M::GET, "/2020-05-31/distribution".into())), None);
    }

    #[test]
    fn web_pages_and_other_documents_are_rejected() {
        let page = "<!DOCTYPE html>\n<HTML><head><meta charset=utf-8></head><body>Sign in";
        let put = request(Method::PUT, Some("k"), &[], &[]);
        let listing = request(Method::GET, None, &[], &[]);
        let location = request(Method::GET, None, &["location"], &[]);
        let policy = request(Method::GET, None, &["policy"], &[]);
        for (request, body, is_good) in [
            (&put, "", true),
            (&put, " \n", true),
            (&put, "<PutObjectResult/>", true),
            (&put, page, false),
            (&put, "OK", false),
            (&listing, "<?xml version=\"1.0\"?>\n<!-- c --><ListBucketResult xmlns=\"x\">", true),
            (&listing, "<a:ListBucketResult xmlns:a=\"x\"/>", true),
            (&listing, "<ListVersionsResult/>", false),
            (&listing, "", false),
            (&listing, "{}", false),
            (&location, "<LocationConstraint/>", true),
            (&location, "<Location/>", true),
            (&location, page, false),
            (&policy, "{\"Statement\": []}", true),
            (&policy, "[]", false),
            (&policy, page, false),
        ] {
            let expected = ExpectedResponse::of(request).unwrap();
            assert_eq!(expected.check_body(request, body.as_bytes()).is_ok(), is_good, "{body}");
        }
    }

    #[test]
    fn uploads_need_an_etag_and_downloads_an_object_header() {
        let head = |names: &[&'static str]| {
            let value = http::HeaderValue::from_static("x");
            names
                .iter()
                .map(|name| (http::HeaderName::from_static(name), value.clone()))
                .collect::<HeaderMap>()
        };
        let (put, get) =
            (request(Method::PUT, Some("k"), &[], &[]), request(Method::GET, Some("k"), &[], &[]));
        for (request, names, is_good) in [
            (&put, &["etag"][..], true),
            (&put, &["x-amz-request-id"], false),
            (&get, &["etag"], true),
            (&get, &["last-modified"], true),
            (&get, &["x-amz-request-id"], true),
            (&get, &["content-type", "content-length"], false),
        ] {
            let expected = ExpectedResponse::of(request).unwrap();
            assert_eq!(expected.check_head(request, 200, &head(names)).is_ok(), is_good, "{names:?}");
        }
    }
}
