//! Routing: the table that maps requests to operations. Each backend implements the operations itself.
//!
//! A request's operation is determined by method, level and sub-resource. Its query may contain only parameters of that
//! operation; everything else is 501 NotImplemented, never the plain operation. There is one exception, as in S3:
//! parameters without a meaning (`?v=2`, `?utm_source=mail`) are ignored on requests that read.

use super::subresources;
use crate::http::call::Call;
use crate::model::bucket_documents::{self, Document};
use crate::model::error::{ErrorCode, S3Error, S3Result, access_denied, fail, not_implemented};
use http::Method;

/// What the path of a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Service,
    Bucket,
    Object,
}

impl Level {
    fn of(bucket: bool, key: bool) -> Self {
        match (bucket, key) {
            (false, _) => Self::Service,
            (true, false) => Self::Bucket,
            (true, true) => Self::Object,
        }
    }
}

/// An S3 operation.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    ListBuckets,
    /// ListObjects or ListObjectsV2.
    ListObjects,
    HeadBucket,
    CreateBucket,
    DeleteBucket,
    GetBucketLocation,
    ListMultipartUploads,
    ListObjectVersions,
    GetBucketPolicyStatus,
    GetBucketVersioning,
    PutBucketVersioning,
    GetObjectLockConfiguration,
    PutObjectLockConfiguration,
    /// A browser form upload.
    PostObject,
    DeleteObjects,
    GetBucketAcl,
    PutBucketAcl,
    GetObject,
    HeadObject,
    /// PutObject, or CopyObject if a header names a source.
    PutObject,
    DeleteObject,
    GetObjectTorrent,
    GetObjectAttributes,
    GetObjectAcl,
    PutObjectAcl,
    GetObjectTagging,
    PutObjectTagging,
    DeleteObjectTagging,
    GetObjectRetention,
    PutObjectRetention,
    GetObjectLegalHold,
    PutObjectLegalHold,
    RestoreObject,
    CreateMultipartUpload,
    /// UploadPart, or UploadPartCopy if a header names a source.
    UploadPart,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListParts,
    GetDocument(&'static Document),
    PutDocument(&'static Document),
    DeleteDocument(&'static Document),
    /// A request for a document with an unsupported method.
    UnsupportedOnDocument(&'static Document),
}

impl Operation {
    /// Whether it is an operation on a bucket document, which takes no headers into account.
    pub(crate) fn is_on_document(self) -> bool {
        matches!(
            self,
            Self::GetDocument(_)
                | Self::PutDocument(_)
                | Self::DeleteDocument(_)
                | Self::UnsupportedOnDocument(_)
        )
    }

    /// Whether it may change anything. An unsupported operation counts as a write.
    pub(crate) fn writes(self) -> bool {
        match self {
            Self::ListBuckets
            | Self::ListObjects
            | Self::HeadBucket
            | Self::GetBucketLocation
            | Self::ListMultipartUploads
            | Self::ListObjectVersions
            | Self::GetBucketPolicyStatus
            | Self::GetBucketVersioning
            | Self::GetObjectLockConfiguration
            | Self::GetBucketAcl
            | Self::GetObject
            | Self::HeadObject
            | Self::GetObjectTorrent
            | Self::GetObjectAttributes
            | Self::GetObjectAcl
            | Self::GetObjectTagging
            | Self::GetObjectRetention
            | Self::GetObjectLegalHold
            | Self::ListParts
            | Self::GetDocument(_) => false,
            Self::CreateBucket
            | Self::DeleteBucket
            | Self::PutBucketVersioning
            | Self::PutObjectLockConfiguration
            | Self::PostObject
            | Self::DeleteObjects
            | Self::PutBucketAcl
            | Self::PutObject
            | Self::DeleteObject
            | Self::PutObjectAcl
            | Self::PutObjectTagging
            | Self::DeleteObjectTagging
            | Self::PutObjectRetention
            | Self::PutObjectLegalHold
            | Self::RestoreObject
            | Self::CreateMultipartUpload
            | Self::UploadPart
            | Self::CompleteMultipartUpload
            | Self::AbortMultipartUpload
            | Self::PutDocument(_)
            | Self::DeleteDocument(_)
            | Self::UnsupportedOnDocument(_) => true,
        }
    }
}

/// A row of the table.
struct Route {
    method: &'static str,
    level: Level,
    /// The query parameter that selects the operation; empty for the plain operation.
    sub: &'static str,
    /// The other parameters of the operation.
    parameters: &'static [&'static str],
    operation: Operation,
}

const LIST: &[&str] = &[
    "prefix",
    "delimiter",
    "marker",
    "max-keys",
    "encoding-type",
    "list-type",
    "continuation-token",
    "start-after",
    "fetch-owner",
    "allow-unordered",
];
// The access test of `s3cmd --configure` lists buckets with a delimiter, which has no meaning there.
const BUCKETS: &[&str] = &["delimiter", "prefix", "max-buckets", "continuation-token", "bucket-region"];
/// Parameters of reads: they select the version or part, and override response headers.
pub(crate) const READING: &[&str] = &[
    "versionId",
    "partNumber",
    "response-content-type",
    "response-content-language",
    "response-expires",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
];
const UPLOADS: &[&str] =
    &["prefix", "delimiter", "key-marker", "upload-id-marker", "max-uploads", "encoding-type"];
const PARTS: &[&str] = &["max-parts", "part-number-marker", "encoding-type"];
const VERSIONS: &[&str] =
    &["prefix", "delimiter", "key-marker", "version-id-marker", "max-keys", "encoding-type"];
const VERSION: &[&str] = &["versionId"];
const NONE: &[&str] = &[];

const fn route(
    method: &'static str,
    level: Level,
    sub: &'static str,
    parameters: &'static [&'static str],
    operation: Operation,
) -> Route {
    Route { method, level, sub, parameters, operation }
}

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    route("GET", Level::Service, "", BUCKETS, Operation::ListBuckets),

    route("GET", Level::Bucket, "", LIST, Operation::ListObjects),
    route("HEAD", Level::Bucket, "", NONE, Operation::HeadBucket),
    route("PUT", Level::Bucket, "", NONE, Operation::CreateBucket),
    route("DELETE", Level::Bucket, "", NONE, Operation::DeleteBucket),
    route("GET", Level::Bucket, "location", NONE, Operation::GetBucketLocation),
    route("GET", Level::Bucket, "uploads", UPLOADS, Operation::ListMultipartUploads),
    route("GET", Level::Bucket, "versions", VERSIONS, Operation::ListObjectVersions),
    route("GET", Level::Bucket, "policyStatus", NONE, Operation::GetBucketPolicyStatus),
    route("GET", Level::Bucket, "versioning", NONE, Operation::GetBucketVersioning),
    route("PUT", Level::Bucket, "versioning", NONE, Operation::PutBucketVersioning),
    route("GET", Level::Bucket, "object-lock", NONE, Operation::GetObjectLockConfiguration),
    route("PUT", Level::Bucket, "object-lock", NONE, Operation::PutObjectLockConfiguration),
    route("POST", Level::Bucket, "", NONE, Operation::PostObject),
    route("POST", Level::Bucket, "delete", NONE, Operation::DeleteObjects),
    route("GET", Level::Bucket, "acl", NONE, Operation::GetBucketAcl),
    route("PUT", Level::Bucket, "acl", NONE, Operation::PutBucketAcl),

    route("GET", Level::Object, "", READING, Operation::GetObject),
    route("HEAD", Level::Object, "", READING, Operation::HeadObject),
    route("PUT", Level::Object, "", NONE, Operation::PutObject),
    route("DELETE", Level::Object, "", VERSION, Operation::DeleteObject),
    route("GET", Level::Object, "torrent", NONE, Operation::GetObjectTorrent),
    route("GET", Level::Object, "attributes", VERSION, Operation::GetObjectAttributes),
    route("GET", Level::Object, "acl", VERSION, Operation::GetObjectAcl),
    route("PUT", Level::Object, "acl", VERSION, Operation::PutObjectAcl),
    route("GET", Level::Object, "tagging", VERSION, Operation::GetObjectTagging),
    route("PUT", Level::Object, "tagging", VERSION, Operation::PutObjectTagging),
    route("DELETE", Level::Object, "tagging", VERSION, Operation::DeleteObjectTagging),
    route("GET", Level::Object, "retention", VERSION, Operation::GetObjectRetention),
    route("PUT", Level::Object, "retention", VERSION, Operation::PutObjectRetention),
    route("GET", Level::Object, "legal-hold", VERSION, Operation::GetObjectLegalHold),
    route("PUT", Level::Object, "legal-hold", VERSION, Operation::PutObjectLegalHold),
    route("POST", Level::Object, "restore", VERSION, Operation::RestoreObject),
    route("POST", Level::Object, "uploads", NONE, Operation::CreateMultipartUpload),
    route("PUT", Level::Object, "uploadId", &["partNumber"], Operation::UploadPart),
    route("POST", Level::Object, "uploadId", NONE, Operation::CompleteMultipartUpload),
    route("DELETE", Level::Object, "uploadId", NONE, Operation::AbortMultipartUpload),
    route("GET", Level::Object, "uploadId", PARTS, Operation::ListParts),
];

/// Whether a parameter belongs to the signature, or is the operation name that some SDKs add.
fn is_neutral(name: &str) -> bool {
    matches!(name, "AWSAccessKeyId" | "Expires" | "Signature" | "x-id")
        || name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"))
}

/// The name of an operation in logs and metrics, as in S3's logs: `REST.GET.OBJECT`. Unknown sub-resources and methods
/// are not distinguished, so that the number of names is bounded.
pub(crate) fn name(method: &str, bucket: bool, key: bool, query: &[(String, String)], copy: bool) -> String {
    let method = match method {
        "PUT" if copy => "COPY",
        "GET" | "HEAD" | "PUT" | "POST" | "DELETE" | "OPTIONS" => method,
        _ => "UNKNOWN",
    };
    let level = Level::of(bucket, key);
    let known = |sub: &str| {
        let document = level == Level::Bucket && bucket_documents::find(sub).is_some();
        document || !sub.is_empty() && ROUTES.iter().any(|route| route.level == level && route.sub == sub)
    };
    let sub = query.iter().map(|(name, _)| name.as_str()).find(|name| known(name)).unwrap_or("");
    let resource = match (sub, level) {
        ("", Level::Service) => "SERVICE".to_owned(),
        ("", Level::Bucket) => "BUCKET".to_owned(),
        ("", Level::Object) => "OBJECT".to_owned(),
        ("policy", _) => "BUCKETPOLICY".to_owned(),
        ("versions", _) => "BUCKETVERSIONS".to_owned(),
        ("logging", _) => "LOGGING_STATUS".to_owned(),
        ("delete", _) => "MULTI_OBJECT_DELETE".to_owned(),
        ("tagging", Level::Object) => "OBJECT_TAGGING".to_owned(),
        ("uploadId", _) if matches!(method, "PUT" | "COPY") => "PART".to_owned(),
        ("uploadId", _) => "UPLOAD".to_owned(),
        (sub, _) => sub.to_ascii_uppercase().replace('-', "_"),
    };
    format!("REST.{method}.{resource}")
}

/// Whether a request reads an object. Such requests may be served without switching threads.
pub(crate) fn reads_object(call: &Call) -> bool {
    let mut names = call.query.iter().map(|(name, _)| name.as_str());
    call.key.is_some()
        && matches!(call.method.as_str(), "GET" | "HEAD")
        && names
            .all(|name| is_neutral(name) || READING.contains(&name) || !subresources::is_subresource(name))
}

/// Whether an unknown parameter may be ignored: the request reads, and the parameter neither names a sub-resource nor
/// differs only in case from one of `known`.
fn is_ignored(name: &str, method: &str, known: &[&str]) -> bool {
    matches!(method, "GET" | "HEAD")
        && !subresources::is_subresource(name)
        && !known.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn unknown_parameter(name: &str) -> S3Error {
    not_implemented(&format!("The query parameter {name} for this operation"))
}

/// The operation of a request. NotImplemented if there is none, or if the query has parameters that the operation does
/// not support.
pub(crate) fn find(call: &Call) -> S3Result<Operation> {
    let level = Level::of(call.bucket.is_some(), call.key.is_some());
    let mut names: Vec<&str> =
        call.query.iter().map(|(name, _)| name.as_str()).filter(|name| !is_neutral(name)).collect();
    if level == Level::Bucket
        && let Some(document) = names.iter().find_map(|name| bucket_documents::find(name))
    {
        names.retain(|name| !is_ignored(name, call.method.as_str(), &[]));
        return match names.iter().find(|name| **name != document.sub) {
            Some(unknown) => Err(unknown_parameter(unknown)),
            None => Ok(match call.method.as_str() {
                "GET" => Operation::GetDocument(document),
                "PUT" => Operation::PutDocument(document),
                "DELETE" => Operation::DeleteDocument(document),
                _ => Operation::UnsupportedOnDocument(document),
            }),
        };
    }
    let at_level = || ROUTES.iter().filter(|route| route.level == level);
    let sub = names.iter().copied().find(|name| at_level().any(|route| route.sub == *name)).unwrap_or("");
    let route = at_level().find(|route| route.method == call.method && route.sub == sub);
    names.retain(|name| {
        let known = route.map_or(&[][..], |route| route.parameters);
        !name.is_empty() && *name == sub
            || known.contains(name)
            || !is_ignored(name, call.method.as_str(), known)
    });
    let Some(route) = route else {
        return match call.method.as_str() {
            "GET" | "HEAD" | "PUT" | "POST" | "DELETE"
                if sub.is_empty() && names.is_empty() && call.method != Method::POST =>
            {
                fail(
                    ErrorCode::MethodNotAllowed,
                    "The specified method is not allowed against this resource.",
                )
            }
            method => Err(not_implemented(&format!("{method} {}", names.join("&")))),
        };
    };
    // A parameter with an empty name does not match the empty `sub` of a plain operation.
    let known = |name: &&str| !name.is_empty() && *name == sub || route.parameters.contains(name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        return Err(unknown_parameter(unknown));
    }
    let mut sorted = names.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return fail(ErrorCode::InvalidArgument, "A query parameter is repeated.");
    }
    if call.parameter("versionId") == Some("") {
        return fail(ErrorCode::InvalidArgument, "Version id cannot be the empty string");
    }
    Ok(route.operation)
}

pub(crate) fn read_only() -> S3Error {
    let mut error = access_denied();
    "This server is read-only.".clone_into(&mut error.message);
    error
}

/// Rejects headers of unimplemented features, which must not be silently ignored.
pub(crate) fn check_headers(call: &Call) -> S3Result<()> {
    let sub = |name: &str| call.parameter(name).is_some();
    // These operations handle the encryption headers themselves.
    let handles_encryption = call.key.is_some()
        && (["uploads", "uploadId", "attributes"].into_iter().any(sub)
            || !["acl", "tagging", "retention", "legal-hold", "restore"].into_iter().any(sub));
    let is_unsupported = |name: &str| {
        name == "x-amz-write-offset-bytes"
            || name == "x-amz-mfa"
            || name == "x-amz-server-side-encryption-context"
            || !handles_encryption
                && (name.starts_with("x-amz-server-side-encryption")
                    || name.starts_with("x-amz-copy-source-server-side-encryption"))
    };
    match call.headers.iter().find(|(name, _)| is_unsupported(name)) {
        None => Ok(()),
        Some((name, _)) => Err(not_implemented(&format!("The header {name} for this operation"))),
    }
}

/// The routes of the requests with a body: method, level and sub-resource.
#[cfg(test)]
pub(crate) fn with_body() -> Vec<(&'static str, Level, &'static str)> {
    let has_body = |route: &&Route| {
        matches!(route.method, "PUT" | "POST") && !matches!(route.operation, Operation::CreateMultipartUpload)
    };
    let routes = ROUTES.iter().filter(has_body).map(|route| (route.method, route.level, route.sub));
    routes.chain(bucket_documents::names().map(|name| ("PUT", Level::Bucket, name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_unique() {
        for (index, a) in ROUTES.iter().enumerate() {
            let same = |b: &&Route| (b.method, b.level, b.sub) == (a.method, a.level, a.sub);
            assert!(!ROUTES[index + 1..].iter().any(|b| same(&b)), "{} {:?} {}", a.method, a.level, a.sub);
            assert!(a.level != Level::Bucket || bucket_documents::find(a.sub).is_none());
        }
    }

    #[test]
    fn exactly_get_and_head_routes_do_not_write() {
        for route in ROUTES {
            assert_eq!(
                route.operation.writes(),
                !matches!(route.method, "GET" | "HEAD"),
                "{} {}",
                route.method,
                route.sub
            );
        }
    }
}
