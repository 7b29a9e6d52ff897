//! What is done with objects: put, get, multipart, copy, access list, tags, links, delete.

use super::hints::hint;
use super::place::Place;
use super::report::Report;
use crate::commands::shared::context::Context;
use crate::output::Outcome;
use crate::s3::body::Payload;
use crate::s3::multipart::{MIN_PART_SIZE, UploadRef, composite_etag, is_md5};
use crate::s3::object::{CopySource, Outgoing};
use crate::s3::presign::Link;
use crate::s3::request::Response;
use crate::s3::{Error, Result, Signature};
use bytes::Bytes;
use chrono::Utc;

/// Bytes of the small test object.
const SMALL: usize = 64 * 1024;

/// Goes through the steps in order; those that need the object of the first are left out where that failed.
pub(super) async fn check(cx: &Context, place: &Place, report: &mut Report) -> Outcome {
    let small = pattern(SMALL);
    // A key that has to be encoded, in the path, in a copy's header and in signatures.
    let key = format!("{}a b+ä%.bin", place.prefix);
    let copy = format!("{}copy & more", place.prefix);
    let multi = format!("{}multipart", place.prefix);
    if !say(cx, report, "put", put(place, &key, &small).await)? {
        return Ok(());
    }
    say(cx, report, "get", get(place, &key, &small).await)?;
    say(cx, report, "range", range(place, &key, &small).await)?;
    say(cx, report, "multipart", multipart(place, &multi).await)?;
    say(cx, report, "copy", copied(place, &key, &copy).await)?;
    optional(cx, report, "acl", acl(place, &key).await)?;
    optional(cx, report, "tags", tags(place, &key).await)?;
    say(cx, report, "link", link(cx, place, &key, &small).await)?;
    say(cx, report, "delete", delete(place, &[&key, &copy, &multi]).await)?;
    Ok(())
}

/// Reports a step; `false` if it failed.
fn say(cx: &Context, report: &mut Report, step: &str, result: Result<String>) -> Outcome<bool> {
    match result {
        Ok(detail) => report.ok(step, detail).map(|()| true),
        Err(error) => {
            let hint = hint(&cx.settings, &error);
            report.error(step, error, &hint).map(|()| false)
        }
    }
}

/// Reports a step that a service need not offer.
fn optional(cx: &Context, report: &mut Report, step: &str, result: Result<String>) -> Outcome {
    match result {
        Err(error)
            if matches!(error.status(), Some(405 | 501))
                || error.code() == "AccessControlListNotSupported" =>
        {
            report.note(step, format!("not offered here: {error}"))
        }
        result => say(cx, report, step, result).map(drop),
    }
}

/// Bytes that no compression and no off-by-one leaves unchanged.
fn pattern(length: usize) -> Bytes {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

async fn outgoing(data: &Bytes) -> Result<Outgoing> {
    let payload = Payload::Bytes(data.clone());
    let digests = payload.digests(true, true).await?;
    Ok(Outgoing { payload, md5: digests.md5, sha256: digests.sha256, ..Outgoing::default() })
}

async fn body(response: Response) -> Result<Bytes> {
    response.bytes(2 * MIN_PART_SIZE as usize).await
}

fn same(got: &[u8], wanted: &[u8]) -> Result<()> {
    if got == wanted {
        return Ok(());
    }
    Err(Error::Integrity(format!("{} bytes came back, not the {} that were stored", got.len(), wanted.len())))
}

async fn put(place: &Place, key: &str, data: &Bytes) -> Result<String> {
    let data_out = outgoing(data).await?;
    let md5 = data_out.md5.map(hex::encode).unwrap_or_default();
    let etag = place.client.put_object(&place.bucket, key, data_out, &[]).await?.etag();
    let about = if etag == md5 { "its ETag is its MD5" } else { "its ETag is not its MD5" };
    Ok(format!("{} bytes; {about}", data.len()))
}

async fn get(place: &Place, key: &str, data: &Bytes) -> Result<String> {
    let response = place.client.get_object(&place.bucket, key, &[], None).await?;
    same(&body(response).await?, data)?;
    Ok("the bytes are those that were stored".to_owned())
}

async fn range(place: &Place, key: &str, data: &Bytes) -> Result<String> {
    let headers = [("range".to_owned(), "bytes=1000-1999".to_owned())];
    let response = place.client.get_object(&place.bucket, key, &headers, None).await?;
    if response.status != 206 {
        return Err(Error::Integrity(format!("a range was answered with status {}", response.status)));
    }
    same(&body(response).await?, &data[1000..2000])?;
    Ok("bytes 1000 to 1999".to_owned())
}

async fn multipart(place: &Place, key: &str) -> Result<String> {
    let (client, bucket) = (&place.client, place.bucket.as_str());
    let data = pattern(MIN_PART_SIZE as usize + 1000);
    let split = MIN_PART_SIZE as usize;
    let id = client.create_upload(bucket, key, &[]).await?;
    let upload = UploadRef { bucket, key, id: &id };
    let stored = async {
        let first = client.upload_part(upload, 1, outgoing(&data.slice(..split)).await?);
        let second = client.upload_part(upload, 2, outgoing(&data.slice(split..)).await?);
        let parts = [first.await?, second.await?];
        client.complete_upload(upload, &parts).await?;
        Ok::<_, Error>(parts)
    };
    let parts = match stored.await {
        Ok(parts) => parts,
        Err(error) => {
            // The cause is more interesting than what the clean-up says about it.
            let _ = client.abort_upload(upload).await;
            return Err(error);
        }
    };
    // Across the seam of the parts.
    let headers = [("range".to_owned(), format!("bytes={}-{}", split - 100, split + 99))];
    let seam = body(client.get_object(bucket, key, &headers, None).await?).await?;
    same(&seam, &data[split - 100..split + 100])?;
    // Ceph leaves the ETag of a completed upload empty in its answer, so the object is asked.
    let head = client.head_object(bucket, key).await?;
    if head.size != data.len() as u64 {
        return Err(Error::Integrity(format!("the object has {} bytes, not {}", head.size, data.len())));
    }
    let is_composite =
        composite_etag(parts.iter().map(|part| part.etag.as_str())).as_deref() == Some(&*head.etag);
    let about = if is_composite { "the ETag proves them" } else { "the ETag is of another kind" };
    Ok(format!("{} bytes in 2 parts; {about}", data.len()))
}

async fn copied(place: &Place, key: &str, copy: &str) -> Result<String> {
    let source = CopySource { bucket: &place.bucket, key, version: None };
    let etag = place.client.copy_object(source, &place.bucket, copy, &[]).await?;
    let original = place.client.head_object(&place.bucket, key).await?;
    let result = place.client.head_object(&place.bucket, copy).await?;
    if result.size != original.size || (is_md5(&etag) && is_md5(&original.etag) && etag != original.etag) {
        return Err(Error::Integrity("the copy is not the same as its source".to_owned()));
    }
    Ok("on the server".to_owned())
}

async fn acl(place: &Place, key: &str) -> Result<String> {
    let list = place.client.get_acl(&place.bucket, Some(key)).await?;
    place.client.put_acl(&place.bucket, Some(key), &list).await?;
    Ok(format!("read and written; the owner is {}", list.owner_id))
}

async fn tags(place: &Place, key: &str) -> Result<String> {
    let wanted = [("purpose".to_owned(), "connection test".to_owned())];
    place.client.put_tags(&place.bucket, Some(key), &wanted).await?;
    let got = place.client.tags(&place.bucket, Some(key)).await?;
    if got != wanted {
        return Err(Error::Integrity("other tags came back than were stored".to_owned()));
    }
    Ok("written and read".to_owned())
}

async fn link(cx: &Context, place: &Place, key: &str, data: &Bytes) -> Result<String> {
    let client = &place.client;
    let options = client.options();
    let Some(credentials) = &options.credentials else {
        return Err(Error::Invalid("There is no key pair to sign a link with".to_owned()));
    };
    let link = Link {
        endpoint: &options.endpoint,
        https: cx.settings.use_https,
        bucket: &place.bucket,
        key,
        version: None,
        content_disposition: "",
        content_type: "",
    };
    let now = Utc::now();
    let (url, version) = match client.signature() {
        Signature::V4 => (link.presigned_v4(credentials, &client.region(Some(&place.bucket)), now, 300), 4),
        Signature::V2 => (link.presigned_v2(credentials, now.timestamp() + 300), 2),
    };
    same(&body(client.fetch_link(&url).await?).await?, data)?;
    let forged = url.replace("a%20b", "a%20c");
    match client.fetch_link(&forged).await {
        Err(error) if error.status() == Some(403) => {}
        Err(error) => return Err(error),
        Ok(_) => return Err(Error::Integrity("a link with a false signature was accepted".to_owned())),
    }
    Ok(format!("signed with version {version}; works without credentials, a false one is refused"))
}

async fn delete(place: &Place, keys: &[&str]) -> Result<String> {
    let (client, bucket) = (&place.client, place.bucket.as_str());
    let (batch, single) = keys.split_at(1);
    let batch: Vec<_> = batch.iter().map(|key| (*key, None)).collect();
    if let Some(failure) = client.delete_objects(bucket, &batch).await?.first() {
        return Err(Error::Integrity(format!("{}: {}", failure.code, failure.key)));
    }
    for key in single {
        client.delete_object(bucket, key).await?;
    }
    for key in keys {
        match client.head_object(bucket, key).await {
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(Error::Integrity(format!("'{key}' is still there"))),
        }
    }
    Ok("one by one and in a batch".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_data_is_varied_and_always_the_same() {
        let data = pattern(4096);
        assert_eq!(data, pattern(4096));
        assert_ne!(data[..1000], data[1000..2000]);
        let distinct: std::collections::HashSet<u8> = data.iter().copied().collect();
        assert_eq!(distinct.len(), 256);
        assert!(same(&data, &data[1..]).is_err());
    }
}
