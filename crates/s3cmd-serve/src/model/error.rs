//! S3 errors: a code, an HTTP status and a message.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use std::fmt;
use std::io;

macro_rules! error_codes {
    ($($name:ident => $status:literal,)*) => {
        /// An S3 error code, with its HTTP status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum ErrorCode {
            $($name,)*
        }

        impl ErrorCode {
            /// The code as written in responses.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The HTTP status that S3 documents for it.
            pub(crate) const fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                }
            }
        }
    };
}

error_codes! {
    AccessControlListNotSupported => 400,
    AccessDenied => 403,
    AccessForbidden => 403,
    AuthorizationHeaderMalformed => 400,
    AuthorizationQueryParametersError => 400,
    BadDigest => 400,
    BadRequest => 400,
    BucketAlreadyExists => 409,
    BucketAlreadyOwnedByYou => 409,
    BucketNotEmpty => 409,
    ConditionalRequestConflict => 400,
    EncryptionTypeNotAllowed => 400,
    EntityTooLarge => 400,
    EntityTooSmall => 400,
    IncompleteBody => 400,
    InsufficientStorage => 507,
    InternalError => 500,
    InvalidAccessKeyId => 403,
    InvalidArgument => 400,
    InvalidBucketAclWithObjectOwnership => 400,
    InvalidBucketName => 400,
    InvalidBucketState => 409,
    InvalidDigest => 400,
    InvalidEncryptionAlgorithmError => 400,
    InvalidObjectState => 403,
    InvalidPart => 400,
    InvalidPartNumber => 400,
    InvalidPartOrder => 400,
    InvalidPolicyDocument => 400,
    InvalidRange => 416,
    InvalidRedirectLocation => 400,
    InvalidRequest => 400,
    InvalidRetentionPeriod => 400,
    InvalidStorageClass => 400,
    InvalidTag => 400,
    InvalidTargetBucketForLogging => 400,
    InvalidToken => 400,
    InvalidURI => 400,
    KeyTooLongError => 400,
    MalformedPOSTRequest => 400,
    MalformedPolicy => 400,
    MalformedTrailerError => 400,
    MalformedXML => 400,
    MaxPostPreDataLengthExceededError => 400,
    MetadataTooLarge => 400,
    MethodNotAllowed => 405,
    MissingContentLength => 411,
    MissingSecurityHeader => 400,
    NoSuchBucket => 404,
    NoSuchBucketPolicy => 404,
    NoSuchCORSConfiguration => 404,
    NoSuchKey => 404,
    NoSuchLifecycleConfiguration => 404,
    NoSuchObjectLockConfiguration => 404,
    NoSuchPublicAccessBlockConfiguration => 404,
    NoSuchTagSet => 404,
    NoSuchTagSetError => 400,
    NoSuchUpload => 404,
    NoSuchVersion => 404,
    NoSuchWebsiteConfiguration => 404,
    NotImplemented => 501,
    NotModified => 304,
    ObjectLockConfigurationNotFoundError => 404,
    OperationAborted => 409,
    OwnershipControlsNotFoundError => 404,
    PreconditionFailed => 412,
    QuotaExceeded => 400,
    ReplicationConfigurationNotFoundError => 404,
    RequestTimeTooSkewed => 403,
    RequestTimeout => 400,
    RestoreAlreadyInProgress => 400,
    ServerSideEncryptionConfigurationNotFoundError => 404,
    ServiceUnavailable => 503,
    SignatureDoesNotMatch => 403,
    SlowDown => 503,
    TooManyRequests => 400,
    UnexpectedContent => 400,
    UnresolvableGrantByEmailAddress => 400,
    XAmzContentChecksumMismatch => 400,
    XAmzContentSHA256Mismatch => 400,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error response to a request.
#[derive(Clone, Debug)]
pub(crate) struct S3Error {
    pub(crate) code: ErrorCode,
    pub(crate) status: u16,
    pub(crate) message: String,
    /// Additional elements of the response body.
    pub(crate) details: Vec<(&'static str, String)>,
    /// Additional response headers.
    pub(crate) headers: Vec<(&'static str, String)>,
}

pub(crate) type S3Result<T> = Result<T, S3Error>;

impl S3Error {
    /// An error with S3's status for its code.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            status: code.status(),
            message: message.into(),
            details: Vec::new(),
            headers: Vec::new(),
        }
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

/// Shorthand for an `Err` with this code.
pub(crate) fn fail<T>(code: ErrorCode, message: impl Into<String>) -> S3Result<T> {
    Err(S3Error::new(code, message))
}

pub(crate) fn access_denied() -> S3Error {
    S3Error::new(ErrorCode::AccessDenied, "Access Denied")
}

pub(crate) fn not_implemented(what: &str) -> S3Error {
    S3Error::new(ErrorCode::NotImplemented, format!("{what} is not implemented"))
}

pub(crate) fn no_such_bucket(name: &str) -> S3Error {
    S3Error::new(ErrorCode::NoSuchBucket, "The specified bucket does not exist").detail("BucketName", name)
}

pub(crate) fn no_such_key(key: &str) -> S3Error {
    S3Error::new(ErrorCode::NoSuchKey, "The specified key does not exist.").detail("Key", key)
}

pub(crate) fn malformed_xml() -> S3Error {
    S3Error::new(
        ErrorCode::MalformedXML,
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

/// The error for setting an ACL in a bucket whose ACLs are disabled.
pub(crate) fn no_acls() -> S3Error {
    S3Error::new(ErrorCode::AccessControlListNotSupported, "The bucket does not allow ACLs")
}

impl From<io::Error> for S3Error {
    /// Converts a file system error. The client sees its kind, not the server's paths.
    fn from(error: io::Error) -> Self {
        // WouldBlock is expected: the nonblocking attempt is repeated on a thread that may block.
        if error.kind() != io::ErrorKind::WouldBlock {
            log::error!("serve: file system: {error}");
        }
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::new(ErrorCode::InsufficientStorage, "The file system under this server is full.")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::new(ErrorCode::AccessDenied, "The server process lacks permission in its file system.")
            }
            // Another process has just removed a file or folder; it is created again on the next attempt.
            io::ErrorKind::NotFound => Self::new(ErrorCode::SlowDown, "The directory changed; try again."),
            _ => Self::new(ErrorCode::InternalError, "The server encountered a file system error."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_status_that_s3_documents() {
        for (code, text, status) in [
            (ErrorCode::NoSuchKey, "NoSuchKey", 404),
            (ErrorCode::MalformedXML, "MalformedXML", 400),
            (ErrorCode::NotImplemented, "NotImplemented", 501),
        ] {
            assert_eq!((code.as_str(), S3Error::new(code, "").status), (text, status));
        }
    }
}
