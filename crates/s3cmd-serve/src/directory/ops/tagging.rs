//! Object tags.

use super::{change, object};
use crate::directory::state::Server;
use crate::http::call::{Call, Reply};
use crate::model::acl::Permission;
use crate::model::error::S3Result;
use crate::model::tags::{self, Tags};
use crate::model::xml::{self, Writer};

/// GetObjectTagging.
pub(crate) fn get(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (bucket, object) = object::open(server, call, "s3:GetObjectTagging", Permission::FullControl)?;
    let mut xml = Writer::new("Tagging");
    xml.open("TagSet");
    for (key, value) in &object.meta.tags {
        xml.open("Tag").text("Key", key).text("Value", value).close();
    }
    let mut reply = Reply::xml(xml.finish());
    reply.headers.extend(object::version_header(&bucket, &object.meta));
    Ok(reply)
}

/// PutObjectTagging.
pub(crate) fn put(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let read = |call: &mut Call| {
        let body = call.payload.read_document()?;
        let tags = tags::parse_xml(&xml::parse(&body, &["Tagging"])?, tags::MAX_OBJECT_TAGS)?;
        call.context.note_body(|context| context.tags = Some(tags.clone()));
        Ok(tags)
    };
    call.context.awaits_body = true;
    set(server, call, "s3:PutObjectTagging", read, 200)
}

/// DeleteObjectTagging.
pub(crate) fn delete(server: &Server, call: &mut Call) -> S3Result<Reply> {
    set(server, call, "s3:DeleteObjectTagging", |_| Ok(Tags::new()), 204)
}

fn set(
    server: &Server,
    call: &mut Call,
    action: &str,
    read: impl FnOnce(&mut Call) -> S3Result<Tags>,
    status: u16,
) -> S3Result<Reply> {
    let need = (action, Permission::FullControl);
    let (bucket, meta) = change::change_object(
        server,
        call,
        need,
        |call, _, _| read(call),
        |_, _, meta, tags| {
            meta.tags.clone_from(tags);
            Ok(())
        },
    )?;
    let mut reply = Reply::new(status);
    reply.headers.extend(object::version_header(&bucket, &meta));
    Ok(reply)
}
