//! The `x-amz-copy-source` header.

use super::error::{ErrorCode, S3Error, S3Result};
use crate::http::request_path::decode;

/// Parses a copy source into bucket, key and version id. The key is percent-decoded once. InvalidArgument if it does
/// not name a bucket and a key.
pub(crate) fn parse(text: &str) -> S3Result<(String, String, Option<String>)> {
    let invalid = || {
        S3Error::new(
            ErrorCode::InvalidArgument,
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        )
    };
    let (path, version) = match text.split_once('?') {
        Some((path, query)) => (path, query.strip_prefix("versionId=")),
        None => (text, None),
    };
    let version = version.map(decode).transpose()?;
    let path = path.strip_prefix('/').unwrap_or(path);
    // Some clients encode the slash between bucket and key as well.
    let (bucket, key) = match path.split_once('/') {
        Some((bucket, key)) => (decode(bucket)?, decode(key)?),
        None => {
            let decoded = decode(path)?;
            let (bucket, key) = decoded.split_once('/').ok_or_else(invalid)?;
            (bucket.to_owned(), key.to_owned())
        }
    };
    if bucket.is_empty() || key.is_empty() { Err(invalid()) } else { Ok((bucket, key, version)) }
}
