//! DeleteObject and DeleteObjects.

use super::{MAX_DOCUMENT, conditions, get, lock};
use crate::serve::Server;
use crate::serve::access::Need;
use crate::serve::acl::Permission;
use crate::serve::call::{Call, Reply};
use crate::serve::error::{S3Result, malformed_xml};
use crate::serve::store::bucket::Bucket;
use crate::serve::store::versions::Removed;
use crate::serve::xml::{self, Writer};

/// S3's limit on the keys of one request.
const MAX_KEYS: usize = 1000;

/// DeleteObject; a key or version that is not there is fine.
pub(crate) fn one(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    let key = call.key();
    let removed = remove(server, call, &bucket, key, call.parameter("versionId"))?;
    let mut reply = Reply::new(204).version(removed.version);
    if removed.marker {
        reply = reply.header("x-amz-delete-marker", "true");
    }
    Ok(reply)
}

/// Removes a version that is named, or else the key, which where there are versions leaves a delete marker.
fn remove(
    server: &Server,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    version: Option<&str>,
) -> S3Result<Removed> {
    let need = Need::Bucket(Permission::Write);
    let Some(version) = version else {
        server.authorize(call, bucket, "s3:DeleteObject", Some(key), need)?;
        let condition = call.header("if-match").filter(|_| call.key.is_some());
        if condition.is_some() {
            // So that a file from outside has its ETag.
            bucket.open_object(key)?;
        }
        return bucket.remove(key, call.who(), |present| match condition {
            Some(_) => conditions::check_write(call, present.map(|object| object.meta.etag.as_str())),
            None => Ok(()),
        });
    };
    server.authorize(call, bucket, &get::of_version("s3:DeleteObject"), Some(key), need)?;
    let mut removed =
        bucket.remove_version(key, version, |meta| lock::check_removal(server, call, bucket, key, meta))?;
    // Without versions there is nothing to tell of.
    removed.version = removed.version.filter(|_| bucket.versioning().is_some());
    Ok(removed)
}

/// DeleteObjects.
pub(crate) fn many(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    let body = call.payload.read_all(MAX_DOCUMENT)?;
    let root = xml::parse(&body, &["Delete"])?;
    let quiet = root.value("Quiet").is_some_and(|text| text.trim() == "true");
    let mut keys = Vec::new();
    for object in root.all("Object") {
        let key = object.value("Key").filter(|key| !key.is_empty()).ok_or_else(malformed_xml)?;
        keys.push((key, object.value("VersionId").map(str::trim).filter(|id| !id.is_empty())));
    }
    if keys.is_empty() || keys.len() > MAX_KEYS {
        return Err(malformed_xml());
    }
    let mut xml = Writer::new("DeleteResult");
    for (key, version) in keys {
        match remove(server, call, &bucket, key, version) {
            Ok(_) if quiet => {}
            Ok(removed) => {
                xml.open("Deleted").text("Key", key);
                if let Some(version) = version {
                    xml.text("VersionId", version);
                }
                if let Some(id) = removed.version.filter(|_| removed.marker) {
                    xml.text("DeleteMarker", "true").text("DeleteMarkerVersionId", id);
                }
                xml.close();
            }
            Err(error) => {
                xml.open("Error").text("Key", key);
                if let Some(version) = version {
                    xml.text("VersionId", version);
                }
                xml.text("Code", error.code).text("Message", &error.message).close();
            }
        }
    }
    Ok(Reply::xml(xml.finish()))
}
