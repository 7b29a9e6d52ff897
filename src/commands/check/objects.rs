//! Checks the object operations: put, get, multipart, copy, access list, tags, presigned URLs, delete.

use super::bucket::TestBucket;
use super::hints::hint;
use super::report::Report;
use crate::commands::shared::context::Context;
use crate::output::{Outcome, error_reason};
use bytes::Bytes;
use chrono::Utc;
use s3cmd_client::http::body::Payload;
use s3cmd_client::http::request::Response;
use s3cmd_client::ops::multipart::{MIN_PART_SIZE, UploadRef, composite_etag, is_md5};
use s3cmd_client::ops::object::{CopySource, Outgoing};
use s3cmd_client::presign::Link;
use s3cmd_client::{Error, Result, Signature};

/// Size of the small test object in bytes.
const SMALL: usize = 64 * 1024;

/// Runs the steps in order. If the first fails, the others are skipped, because they need its object.
pub(super) async fn check(cx: &Context, bucket: &TestBucket, report: &mut Report) -> Outcome {
    let small = pattern(SMALL);
    // A key that has to be encoded in the path, in the copy header and in signatures.
    let key = format!("{}a b+ä%.bin", bucket.prefix);
    let copy = format!("{}copy & more", bucket.prefix);
    let multi = format!("{}multipart", bucket.prefix);
    if !report_step(cx, report, "put", put(bucket, &key, &small).await)? {
        return Ok(());
    }
    report_step(cx, report, "get", get(bucket, &key, &small).await)?;
    report_step(cx, report, "range", range(bucket, &key, &small).await)?;
    report_step(cx, report, "multipart", multipart(bucket, &multi).await)?;
    report_step(cx, report, "copy", copied(bucket, &key, &copy).await)?;
    optional(cx, report, "acl", acl(bucket, &key).await)?;
    optional(cx, report, "tags", tags(bucket, &key).await)?;
    report_step(cx, report, "link", link(cx, bucket, &key, &small).await)?;
    report_step(cx, report, "delete", delete(bucket, &[&key, &copy, &multi]).await)?;
    Ok(())
}

/// Reports a step. Returns whether it succeeded.
fn report_step(cx: &Context, report: &mut Report, step: &str, result: Result<String>) -> Outcome<bool> {
    match result {
        Ok(detail) => report.ok(step, detail).map(|()| true),
        Err(error) => {
            let hint = hint(&cx.settings, &error);
            report.error(step, error, &hint).map(|()| false)
        }
    }
}

/// Reports a step that a service need not support: if it does not, that is a note, not a failure.
fn optional(cx: &Context, report: &mut Report, step: &str, result: Result<String>) -> Outcome {
    match result {
        Err(error)
            if matches!(error.status(), Some(405 | 501))
                || error.code() == "AccessControlListNotSupported" =>
        {
            report.note(step, format!("not offered here: {error}"))
        }
        result => report_step(cx, report, step, result).map(drop),
    }
}

/// Pseudorandom bytes, so that compression and off-by-one errors are detected.
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
    Ok(Outgoing::new(payload).with_md5(digests.md5).with_sha256(digests.sha256))
}

async fn body(response: Response) -> Result<Bytes> {
    response.bytes(2 * MIN_PART_SIZE as usize).await
}

fn compare(received: &[u8], expected: &[u8]) -> Result<()> {
    if received == expected {
        return Ok(());
    }
    Err(Error::Integrity(format!(
        "{} bytes came back, not the {} that were stored",
        received.len(),
        expected.len()
    )))
}

async fn put(bucket: &TestBucket, key: &str, data: &Bytes) -> Result<String> {
    let data_out = outgoing(data).await?;
    let md5 = data_out.md5.map(hex::encode).unwrap_or_default();
    let etag = bucket.client.put_object(&bucket.name, key, data_out, &[]).await?.etag();
    let about = if etag == md5 { "its ETag is its MD5" } else { "its ETag is not its MD5" };
    Ok(format!("{} bytes; {about}", data.len()))
}

async fn get(bucket: &TestBucket, key: &str, data: &Bytes) -> Result<String> {
    let response = bucket.client.get_object(&bucket.name, key, &[], None).await?;
    compare(&body(response).await?, data)?;
    Ok("the bytes are those that were stored".to_owned())
}

async fn range(bucket: &TestBucket, key: &str, data: &Bytes) -> Result<String> {
    let headers = [("range".to_owned(), "bytes=1000-1999".to_owned())];
    let response = bucket.client.get_object(&bucket.name, key, &headers, None).await?;
    if response.status != 206 {
        return Err(Error::Integrity(format!("a range was answered with status {}", response.status)));
    }
    compare(&body(response).await?, &data[1000..2000])?;
    Ok("bytes 1000 to 1999".to_owned())
}

async fn multipart(bucket: &TestBucket, key: &str) -> Result<String> {
    let (client, bucket) = (&bucket.client, bucket.name.as_str());
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
            // The cause matters more than a failed cleanup.
            let _ = client.abort_upload(upload).await;
            return Err(error);
        }
    };
    // A range across the boundary of the two parts.
    let headers = [("range".to_owned(), format!("bytes={}-{}", split - 100, split + 99))];
    let boundary = body(client.get_object(bucket, key, &headers, None).await?).await?;
    compare(&boundary, &data[split - 100..split + 100])?;
    // Ceph returns an empty ETag for a completed upload, so this reads the object's ETag.
    let head = client.head_object(bucket, key).await?;
    if head.size != data.len() as u64 {
        return Err(Error::Integrity(format!("the object has {} bytes, not {}", head.size, data.len())));
    }
    let is_composite =
        composite_etag(parts.iter().map(|part| part.etag.as_str())).as_deref() == Some(&*head.etag);
    let about = if is_composite { "the ETag proves them" } else { "the ETag is of another kind" };
    Ok(format!("{} bytes in 2 parts; {about}", data.len()))
}

async fn copied(bucket: &TestBucket, key: &str, copy: &str) -> Result<String> {
    let source = CopySource { bucket: &bucket.name, key, version: None };
    let etag = bucket.client.copy_object(source, &bucket.name, copy, &[]).await?;
    let original = bucket.client.head_object(&bucket.name, key).await?;
    let result = bucket.client.head_object(&bucket.name, copy).await?;
    if result.size != original.size || (is_md5(&etag) && is_md5(&original.etag) && etag != original.etag) {
        return Err(Error::Integrity("the copy is not the same as its source".to_owned()));
    }
    Ok("on the server".to_owned())
}

async fn acl(bucket: &TestBucket, key: &str) -> Result<String> {
    let list = bucket.client.get_acl(&bucket.name, Some(key)).await?;
    bucket.client.put_acl(&bucket.name, Some(key), &list).await?;
    Ok(format!("read and written; the owner is {}", list.owner_id))
}

async fn tags(bucket: &TestBucket, key: &str) -> Result<String> {
    let expected = [("purpose".to_owned(), "connection test".to_owned())];
    bucket.client.put_tags(&bucket.name, Some(key), &expected).await?;
    let received = bucket.client.tags(&bucket.name, Some(key)).await?;
    if received != expected {
        return Err(Error::Integrity("other tags came back than were stored".to_owned()));
    }
    Ok("written and read".to_owned())
}

async fn link(cx: &Context, bucket: &TestBucket, key: &str, data: &Bytes) -> Result<String> {
    let client = &bucket.client;
    let options = client.options();
    let Some(credentials) = &options.credentials else {
        return Err(Error::Invalid("There is no key pair to sign a link with".into()));
    };
    let link = Link::new(&options.endpoint, &bucket.name, key).with_https(cx.settings.use_https);
    let now = Utc::now();
    let (url, version) = match client.signature() {
        Signature::V4 => (link.presigned_v4(credentials, &client.region(Some(&bucket.name)), now, 300), 4),
        Signature::V2 => (link.presigned_v2(credentials, now.timestamp() + 300), 2),
    };
    compare(&body(client.fetch_link(&url).await?).await?, data)?;
    let forged = url.replace("a%20b", "a%20c");
    match client.fetch_link(&forged).await {
        Err(error) if error.status() == Some(403) => {}
        Err(error) => return Err(error),
        Ok(_) => return Err(Error::Integrity("a link with a false signature was accepted".to_owned())),
    }
    Ok(format!("signed with version {version}; works without credentials, a false one is refused"))
}

async fn delete(bucket: &TestBucket, keys: &[&str]) -> Result<String> {
    let (client, bucket) = (&bucket.client, bucket.name.as_str());
    let (batch, single) = keys.split_at(1);
    let batch: Vec<_> = batch.iter().map(|key| (*key, None)).collect();
    if let Some(failure) = client.delete_objects(bucket, &batch).await?.first() {
        let reason = failure.error.as_ref().map_or_else(|| failure.code.clone(), error_reason);
        return Err(Error::Integrity(format!("{reason}: {}", failure.key)));
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
    fn test_data_is_varied_and_reproducible() {
        let data = pattern(4096);
        assert_eq!(data, pattern(4096));
        assert_ne!(data[..1000], data[1000..2000]);
        let distinct: std::collections::HashSet<u8> = data.iter().copied().collect();
        assert_eq!(distinct.len(), 256);
        assert!(compare(&data, &data[1..]).is_err());
    }
}
