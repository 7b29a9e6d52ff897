//! DeleteObject and DeleteObjects.

use super::{MAX_DOCUMENT, conditions};
use crate::serve::Server;
use crate::serve::access::Need;
use crate::serve::acl::Permission;
use crate::serve::call::{Call, Reply};
use crate::serve::error::{S3Error, S3Result, malformed_xml};
use crate::serve::xml::{self, Writer};

/// S3's limit on the keys of one request.
const MAX_KEYS: usize = 1000;

/// DeleteObject; a key that is not there is fine.
pub(crate) fn one(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    let key = call.key();
    server.authorize(call, &bucket, "s3:DeleteObject", Some(key), Need::Bucket(Permission::Write))?;
    if call.header("if-match").is_some() {
        // So that a file from outside has its ETag.
        bucket.open_object(key)?;
    }
    bucket.remove(key, |present| match call.header("if-match") {
        Some(_) => conditions::check_write(call, present.map(|object| object.meta.etag.as_str())),
        None => Ok(()),
    })?;
    Ok(Reply::new(204))
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
        let result = if version.is_some_and(|version| version != "null") {
            Err(S3Error::new("NoSuchVersion", "The specified version does not exist."))
        } else {
            let need = Need::Bucket(Permission::Write);
            server
                .authorize(call, &bucket, "s3:DeleteObject", Some(key), need)
                .and_then(|()| bucket.remove(key, |_| Ok(())))
        };
        match result {
            Ok(_) if quiet => {}
            Ok(_) => {
                xml.open("Deleted").text("Key", key);
                if let Some(version) = version {
                    xml.text("VersionId", version);
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
