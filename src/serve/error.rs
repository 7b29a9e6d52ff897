//! Errors as S3 words them: a code, a status, a message.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use std::io;

/// What went wrong with a request.
#[derive(Clone, Debug)]
pub(crate) struct S3Error {
    pub(crate) code: &'static str,
    pub(crate) status: u16,
    pub(crate) message: String,
    /// Further elements of the answer.
    pub(crate) details: Vec<(&'static str, String)>,
    /// Headers of the answer.
    pub(crate) headers: Vec<(&'static str, String)>,
}

pub(crate) type S3Result<T> = Result<T, S3Error>;

impl S3Error {
    /// An error of a code, with S3's status for it.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, status: status(code), message: message.into(), details: Vec::new(), headers: Vec::new() }
    }

    pub(crate) fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Shorthand: an `Err` of a code.
pub(crate) fn fail<T>(code: &'static str, message: impl Into<String>) -> S3Result<T> {
    Err(S3Error::new(code, message))
}

pub(crate) fn access_denied() -> S3Error {
    S3Error::new("AccessDenied", "Access Denied")
}

pub(crate) fn not_implemented(what: &str) -> S3Error {
    S3Error::new("NotImplemented", format!("{what} is not implemented"))
}

pub(crate) fn no_such_bucket(name: &str) -> S3Error {
    S3Error::new("NoSuchBucket", "The specified bucket does not exist").detail("BucketName", name)
}

pub(crate) fn no_such_key(key: &str) -> S3Error {
    S3Error::new("NoSuchKey", "The specified key does not exist.").detail("Key", key)
}

pub(crate) fn malformed_xml() -> S3Error {
    S3Error::new(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

/// What a bucket without ACLs says to one.
pub(crate) fn no_acls() -> S3Error {
    S3Error::new("AccessControlListNotSupported", "The bucket does not allow ACLs")
}

fn status(code: &str) -> u16 {
    match code {
        "NotModified" => 304,
        "AccessDenied"
        | "AccessForbidden"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "RequestTimeTooSkewed"
        | "InvalidObjectState"
        | "AllAccessDisabled" => 403,
        "NoSuchBucket"
        | "NoSuchKey"
        | "NoSuchUpload"
        | "NoSuchVersion"
        | "NoSuchBucketPolicy"
        | "NoSuchLifecycleConfiguration"
        | "NoSuchCORSConfiguration"
        | "NoSuchTagSet"
        | "NoSuchWebsiteConfiguration"
        | "NoSuchPublicAccessBlockConfiguration"
        | "OwnershipControlsNotFoundError"
        | "ServerSideEncryptionConfigurationNotFoundError"
        | "ReplicationConfigurationNotFoundError"
        | "NoSuchObjectLockConfiguration"
        | "ObjectLockConfigurationNotFoundError" => 404,
        "MethodNotAllowed" => 405,
        "BucketAlreadyExists"
        | "BucketAlreadyOwnedByYou"
        | "BucketNotEmpty"
        | "InvalidBucketState"
        | "OperationAborted" => 409,
        "MissingContentLength" => 411,
        "PreconditionFailed" => 412,
        "InvalidRange" => 416,
        "InternalError" => 500,
        "NotImplemented" => 501,
        "SlowDown" | "ServiceUnavailable" => 503,
        "InsufficientStorage" => 507,
        _ => 400,
    }
}

impl From<io::Error> for S3Error {
    /// A failure of the file system. The client learns its kind, not the server's paths.
    fn from(error: io::Error) -> Self {
        // Who would not wait tries again where that is possible.
        if error.kind() != io::ErrorKind::WouldBlock {
            log::error!("serve: file system: {error}");
        }
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::new("InsufficientStorage", "The file system under this server is full.")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::new("AccessDenied", "The server's process may not do this in its file system.")
            }
            // Something was removed from outside, this moment; it is made again next time.
            io::ErrorKind::NotFound => Self::new("SlowDown", "The directory changed; try again."),
            _ => Self::new("InternalError", "The server met an error of its file system."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_status_that_s3_documents() {
        for (code, status) in [("NoSuchKey", 404), ("MalformedXML", 400), ("NotImplemented", 501)] {
            assert_eq!(S3Error::new(code, "").status, status);
        }
    }
}
