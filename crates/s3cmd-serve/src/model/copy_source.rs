//! The source that a copy names.

use super::error::{ErrorCode, S3Error, S3Result};
use crate::http::request_path::decode;

/// Bucket, key and version that the value of `x-amz-copy-source` names. The key is decoded once.
pub(crate) fn parse(text: &str) -> S3Result<(String, String, Option<String>)> {
    let bad = || {
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
            let (bucket, key) = decoded.split_once('/').ok_or_else(bad)?;
            (bucket.to_owned(), key.to_owned())
        }
    };
    if bucket.is_empty() || key.is_empty() { Err(bad()) } else { Ok((bucket, key, version)) }
}
