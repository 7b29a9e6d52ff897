//! Which operation a request is.
//!
//! One table. A request is the operation of its method, level and sub-resource, if its query holds nothing else
//! than what that operation knows; everything else is 501 NotImplemented, never the plain operation. One exception, as in
//! S3: a request that reads may have parameters that have no meaning (`?v=2`, `?utm_source=mail`), which are ignored.

use super::call::{Call, Reply};
use super::error::{S3Error, S3Result, access_denied, fail, not_implemented};
use super::ops::{
    acl, attributes, bucket, copy, delete, documents, get, list, lock, multipart, post, put, restore,
    tagging, versions,
};
use super::state::Server;
use super::subresources;

/// What a path names.
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

type Run = fn(&Server, &mut Call) -> S3Result<Reply>;

/// An operation as it is asked for.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) level: Level,
    /// The query parameter that makes it this operation; empty for the plain one.
    pub(crate) sub: &'static str,
    /// The parameters that it knows beside.
    parameters: &'static [&'static str],
    pub(crate) writes: bool,
    run: Run,
}

/// What a request is.
pub(crate) enum Operation {
    Route(&'static Route),
    /// GET, PUT or DELETE of a bucket's document.
    Document(&'static documents::Document),
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
// The access test of s3cmd --configure asks for buckets with a delimiter, which means nothing there.
const BUCKETS: &[&str] = &["delimiter", "prefix", "max-buckets", "continuation-token", "bucket-region"];
/// What chooses the object that is read, and how it is answered.
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

const fn read(
    method: &'static str,
    level: Level,
    sub: &'static str,
    parameters: &'static [&'static str],
    run: Run,
) -> Route {
    Route { method, level, sub, parameters, writes: false, run }
}

const fn write(
    method: &'static str,
    level: Level,
    sub: &'static str,
    parameters: &'static [&'static str],
    run: Run,
) -> Route {
    Route { method, level, sub, parameters, writes: true, run }
}

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    read("GET", Level::Service, "", BUCKETS, bucket::list_all),

    read("GET", Level::Bucket, "", LIST, list::objects),
    read("HEAD", Level::Bucket, "", NONE, bucket::head),
    write("PUT", Level::Bucket, "", NONE, bucket::create),
    write("DELETE", Level::Bucket, "", NONE, bucket::delete),
    read("GET", Level::Bucket, "location", NONE, bucket::location),
    read("GET", Level::Bucket, "uploads", UPLOADS, list::uploads),
    read("GET", Level::Bucket, "versions", VERSIONS, versions::list),
    read("GET", Level::Bucket, "policyStatus", NONE, documents::policy_status),
    read("GET", Level::Bucket, "versioning", NONE, versions::get),
    write("PUT", Level::Bucket, "versioning", NONE, versions::put),
    read("GET", Level::Bucket, "object-lock", NONE, lock::get_configuration),
    write("PUT", Level::Bucket, "object-lock", NONE, lock::put_configuration),
    write("POST", Level::Bucket, "", NONE, post::post),
    write("POST", Level::Bucket, "delete", NONE, delete::many),
    read("GET", Level::Bucket, "acl", NONE, acl::get_bucket),
    write("PUT", Level::Bucket, "acl", NONE, acl::put_bucket),

    read("GET", Level::Object, "", READING, get::get),
    read("HEAD", Level::Object, "", READING, get::head),
    write("PUT", Level::Object, "", NONE, put_or_copy),
    write("DELETE", Level::Object, "", VERSION, delete::one),
    read("GET", Level::Object, "torrent", NONE, get::torrent),
    read("GET", Level::Object, "attributes", VERSION, attributes::get),
    read("GET", Level::Object, "acl", VERSION, acl::get_object),
    write("PUT", Level::Object, "acl", VERSION, acl::put_object),
    read("GET", Level::Object, "tagging", VERSION, tagging::get),
    write("PUT", Level::Object, "tagging", VERSION, tagging::put),
    write("DELETE", Level::Object, "tagging", VERSION, tagging::delete),
    read("GET", Level::Object, "retention", VERSION, lock::get_retention),
    write("PUT", Level::Object, "retention", VERSION, lock::put_retention),
    read("GET", Level::Object, "legal-hold", VERSION, lock::get_hold),
    write("PUT", Level::Object, "legal-hold", VERSION, lock::put_hold),
    write("POST", Level::Object, "restore", VERSION, restore::restore),
    write("POST", Level::Object, "uploads", NONE, multipart::create),
    write("PUT", Level::Object, "uploadId", &["partNumber"], multipart::put_part),
    write("POST", Level::Object, "uploadId", NONE, multipart::complete),
    write("DELETE", Level::Object, "uploadId", NONE, multipart::abort),
    read("GET", Level::Object, "uploadId", PARTS, list::parts),
];

/// PUT on an object is a copy where a header names a source.
fn put_or_copy(server: &Server, call: &mut Call) -> S3Result<Reply> {
    if call.header("x-amz-copy-source").is_some() { copy::copy(server, call) } else { put::put(server, call) }
}

/// Parameters of the signature, and the operation's name that some SDKs add.
fn is_neutral(name: &str) -> bool {
    matches!(name, "AWSAccessKeyId" | "Expires" | "Signature" | "x-id")
        || name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"))
}

/// What logs and metrics call an operation, as S3's own logs do: `REST.GET.OBJECT`. What is not known here is not told
/// apart, so that there are not more names than operations.
pub(crate) fn name(method: &str, bucket: bool, key: bool, query: &[(String, String)], copy: bool) -> String {
    let method = match method {
        "PUT" if copy => "COPY",
        "GET" | "HEAD" | "PUT" | "POST" | "DELETE" | "OPTIONS" => method,
        _ => "UNKNOWN",
    };
    let level = Level::of(bucket, key);
    let known = |sub: &str| {
        let document = level == Level::Bucket && documents::find(sub).is_some();
        document || !sub.is_empty() && ROUTES.iter().any(|route| route.level == level && route.sub == sub)
    };
    let sub = query.iter().map(|(name, _)| name.as_str()).find(|name| known(name)).unwrap_or("");
    let what = match (sub, level) {
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
    format!("REST.{method}.{what}")
}

/// Whether a request reads an object, which may be done at once.
pub(crate) fn reads_object(call: &Call) -> bool {
    let mut names = call.query.iter().map(|(name, _)| name.as_str());
    call.key.is_some()
        && matches!(call.method.as_str(), "GET" | "HEAD")
        && names.all(|name| is_neutral(name) || READING.contains(&name) || !subresources::is_one(name))
}

/// Finds the operation and runs it.
pub(crate) fn run(server: &Server, call: &mut Call) -> S3Result<Reply> {
    server.check_expected_owner(call, call.bucket_name(), "x-amz-expected-bucket-owner")?;
    let reply = dispatch(server, call)?;
    Ok(if server.is_charged(call) { reply.header("x-amz-request-charged", "requester") } else { reply })
}

fn dispatch(server: &Server, call: &mut Call) -> S3Result<Reply> {
    match find(call)? {
        Operation::Document(document) => {
            if call.method != "GET" && server.read_only {
                return Err(read_only());
            }
            documents::run(server, call, document)
        }
        Operation::Route(route) => {
            if route.writes && server.read_only {
                return Err(read_only());
            }
            check_headers(call)?;
            (route.run)(server, call)
        }
    }
}

/// Whether a parameter that an operation does not know may be ignored: the request reads, and the parameter neither names
/// another operation nor is one of `known` but for the case of its letters.
fn is_ignored(name: &str, method: &str, known: &[&str]) -> bool {
    matches!(method, "GET" | "HEAD")
        && !subresources::is_one(name)
        && !known.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn unknown_parameter(name: &str) -> S3Error {
    not_implemented(&format!("The query parameter {name} here"))
}

/// The operation that a request is; its query holds nothing that this operation would have to know and does not.
pub(crate) fn find(call: &Call) -> S3Result<Operation> {
    let level = Level::of(call.bucket.is_some(), call.key.is_some());
    let mut names: Vec<&str> =
        call.query.iter().map(|(name, _)| name.as_str()).filter(|name| !is_neutral(name)).collect();
    if level == Level::Bucket
        && let Some(document) = names.iter().find_map(|name| documents::find(name))
    {
        names.retain(|name| !is_ignored(name, &call.method, &[]));
        return match names.iter().find(|name| **name != document.sub) {
            Some(unknown) => Err(unknown_parameter(unknown)),
            None => Ok(Operation::Document(document)),
        };
    }
    let at_level = || ROUTES.iter().filter(|route| route.level == level);
    let sub = names.iter().copied().find(|name| at_level().any(|route| route.sub == *name)).unwrap_or("");
    let route = at_level().find(|route| route.method == call.method && route.sub == sub);
    names.retain(|name| {
        let known = route.map_or(&[][..], |route| route.parameters);
        !name.is_empty() && *name == sub || known.contains(name) || !is_ignored(name, &call.method, known)
    });
    let Some(route) = route else {
        return match call.method.as_str() {
            "GET" | "HEAD" | "PUT" | "POST" | "DELETE"
                if sub.is_empty() && names.is_empty() && call.method != "POST" =>
            {
                fail("MethodNotAllowed", "The specified method is not allowed against this resource.")
            }
            method => Err(not_implemented(&format!("{method} {}", names.join("&")))),
        };
    };
    // A parameter without a name is not the plain operation's empty one.
    let known = |name: &&str| !name.is_empty() && *name == sub || route.parameters.contains(name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        return Err(unknown_parameter(unknown));
    }
    let mut sorted = names.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return fail("InvalidArgument", "A query parameter is given twice.");
    }
    if call.parameter("versionId") == Some("") {
        return fail("InvalidArgument", "Version id cannot be the empty string");
    }
    Ok(Operation::Route(route))
}

pub(crate) fn read_only() -> S3Error {
    let mut error = access_denied();
    "This server is read-only.".clone_into(&mut error.message);
    error
}

/// Headers that ask for something that is not done must not be passed over in silence.
pub(crate) fn check_headers(call: &Call) -> S3Result<()> {
    let sub = |name: &str| call.parameter(name).is_some();
    // These look at the headers of encryption themselves.
    let encrypts = call.key.is_some()
        && (["uploads", "uploadId", "attributes"].into_iter().any(sub)
            || !["acl", "tagging", "retention", "legal-hold", "restore"].into_iter().any(sub));
    let asks = |name: &str| {
        name == "x-amz-write-offset-bytes"
            || name == "x-amz-mfa"
            || name == "x-amz-server-side-encryption-context"
            || !encrypts
                && (name.starts_with("x-amz-server-side-encryption")
                    || name.starts_with("x-amz-copy-source-server-side-encryption"))
    };
    match call.headers.iter().find(|(name, _)| asks(name)) {
        None => Ok(()),
        Some((name, _)) => Err(not_implemented(&format!("What the header {name} asks for"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_routes_are_the_same() {
        for (index, a) in ROUTES.iter().enumerate() {
            let same = |b: &&Route| (b.method, b.level, b.sub) == (a.method, a.level, a.sub);
            assert!(!ROUTES[index + 1..].iter().any(|b| same(&b)), "{} {:?} {}", a.method, a.level, a.sub);
            assert!(a.level != Level::Bucket || documents::find(a.sub).is_none());
        }
    }

    #[test]
    fn whatever_is_not_a_read_is_marked() {
        for route in ROUTES {
            assert_eq!(
                route.writes,
                !matches!(route.method, "GET" | "HEAD"),
                "{} {}",
                route.method,
                route.sub
            );
        }
    }
}
