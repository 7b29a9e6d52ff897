//! Copies that are relayed through this machine, because the server would not copy the content.
//!
//! An object that the Swift API stored in segments is a manifest: a server-side copy would be a second manifest for the
//! same segments or, with other metadata, an empty object (radosgw 16.2). Its content is read and stored as a new
//! object, of which only the length can be verified, so the source is kept.

use super::parts::{RELAYED_AT_ONCE, RELAYED_PART, range_of_parts, relayed_part_size};
use super::{Copier, CopyError, proof};
use crate::transfer::compare::Stored;
use crate::transfer::proof::{Proof, Unproved};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use md5::{Digest, Md5};
use s3cmd_client::http::body::Payload;
use s3cmd_client::ops::multipart::{FinishedPart, UploadRef, is_md5};
use s3cmd_client::ops::object::{Head, Outgoing};
use s3cmd_client::{Error, Result};

impl Copier {
    /// Copies a Swift large object. Fails without changes if it would replace itself.
    pub(super) async fn segmented(
        &self,
        from: &S3Uri,
        head: &Head,
        to: &S3Uri,
    ) -> std::result::Result<Proof, CopyError> {
        if from == to || self.rewrites {
            let text = "it is a Swift large object, whose manifest would be replaced: download it and upload it again";
            return Err(Error::Integrity(text.into()).into());
        }
        log::info!("'{from}' is a Swift large object: its content is copied through this machine");
        let headers = self.upload_headers(from, head).await?;
        if head.size <= RELAYED_PART {
            let content = match head.size {
                0 => Default::default(),
                size => proof::range(&self.source, from, head, (0, size - 1)).await?,
            };
            let data = outgoing(Payload::Bytes(content)).await?;
            let md5 = data.md5.map(hex::encode);
            let stored = self.client.put_object(&to.bucket, &to.key, data, &headers).await?.etag();
            if is_md5(&stored) && md5.is_some_and(|md5| !md5.eq_ignore_ascii_case(&stored)) {
                return Err(proof::differs(to, &format!("its ETag is {stored}")).into());
            }
        } else {
            let id = self.client.create_upload(&to.bucket, &to.key, &headers).await?;
            let upload = UploadRef { bucket: &to.bucket, key: &to.key, id: &id };
            let sent = async {
                let parts = self.relay_parts(from, head, upload).await?;
                self.client.complete_upload(upload, &parts).await
            };
            if let Err(error) = sent.await {
                self.abort_upload(upload).await;
                return Err(error.into());
            }
        }
        let arrived = self.client.head_object(&to.bucket, &to.key).await?;
        if arrived.size != head.size || arrived.is_swift_segmented() {
            return Err(
                proof::differs(to, &format!("{} bytes instead of {}", arrived.size, head.size)).into()
            );
        }
        Ok(Proof::Unproved(Unproved::Segmented))
    }

    /// Downloads and uploads the parts of an object whose content the server would misread, and verifies the received
    /// bytes.
    pub(super) async fn relay_parts(
        &self,
        from: &S3Uri,
        head: &Head,
        upload: UploadRef<'_>,
    ) -> Result<Vec<FinishedPart>> {
        let part_size = relayed_part_size(head.size);
        let at_once = RELAYED_AT_ONCE.min(self.width);
        let expected = Stored::md5_of(head);
        let mut whole = Md5::new();
        let parts = range_of_parts(head.size, part_size)
            .map(|(number, first, last)| async move {
                let _permit = self.parts.acquire().await;
                Ok((number, proof::range(&self.source, from, head, (first, last)).await?))
            })
            .buffered(at_once)
            .map_ok(|(number, content)| {
                if expected.is_some() {
                    whole.update(&content);
                }
                async move {
                    self.client.upload_part(upload, number, outgoing(Payload::Bytes(content)).await?).await
                }
            })
            .try_buffered(at_once)
            .try_collect()
            .await?;
        match expected {
            Some(md5) if md5 != <[u8; 16]>::from(whole.finalize()) => {
                Err(Error::Integrity(format!("'{from}' arrived with another MD5 than {}", hex::encode(md5))))
            }
            _ => Ok(parts),
        }
    }
}

async fn outgoing(payload: Payload) -> Result<Outgoing> {
    let digests = payload.digests(true, true).await?;
    let (md5, sha256) = (digests.md5, digests.sha256);
    Ok(Outgoing::new(payload).with_md5(md5).with_sha256(sha256))
}
