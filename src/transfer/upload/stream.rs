//! Uploads of unknown length. The part size grows, so that the maximum number of parts suffices for any length, and
//! only a few parts are buffered at once.

use super::parts::{SentPart, whole_checksum};
use super::source::Source;
use super::{UploadError, Uploader};
use crate::transfer::{content_type, temporary};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use s3cmd_client::checksum::UploadChecksum;
use s3cmd_client::http::body::{FileRange, Payload};
use s3cmd_client::http::request::Progress;
use s3cmd_client::ops::multipart::{MAX_PART_SIZE, MAX_PARTS, UploadRef};
use s3cmd_client::{Error, Result};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The number of parts that are buffered at once: one that is read, the others being sent.
const HELD: usize = 3;

/// Larger parts, in bytes, are buffered in an anonymous temporary file instead of in memory.
const IN_MEMORY: u64 = 32 << 20;

/// Size in bytes of one write to the temporary file.
const BLOCK: usize = 1 << 20;

/// How the part size grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Growth {
    smallest: u64,
    most: u64,
}

impl Growth {
    /// Size of the next part in bytes, after `sent` bytes. It is the smallest size or, once that is larger, `sent`
    /// divided by an eighth of `most`. From then on the total grows by the same factor with each part, to about 137
    /// (e^7 / 8) times what equal parts could hold: with 10,000 parts that start at 5 MiB, to more than the 5 TiB limit
    /// of an object.
    fn next(self, sent: u64) -> u64 {
        let share = sent / (self.most / 8).max(1);
        self.smallest.max(share.next_multiple_of(1 << 20)).min(MAX_PART_SIZE)
    }
}

impl Uploader {
    /// Uploads standard input to its end as a multipart upload. Returns the number of bytes.
    pub(crate) async fn stdin(
        &self,
        destination: &S3Uri,
        progress: &Progress,
    ) -> std::result::Result<u64, UploadError> {
        let file = Source::stdin();
        self.stream(tokio::io::stdin(), file.as_ref(), destination, progress).await
    }

    /// Uploads `source` to its end. `file` is the underlying file, if there is one.
    async fn stream(
        &self,
        source: impl AsyncRead + Unpin + Send,
        file: Option<&Source>,
        destination: &S3Uri,
        progress: &Progress,
    ) -> std::result::Result<u64, UploadError> {
        let mut headers = self.headers(&content_type::of_stdin(&self.options.content_type));
        let sums = self.options.checksum.map(UploadChecksum::new);
        headers.extend(sums.into_iter().flat_map(UploadChecksum::headers));
        let id = self.client.create_upload(&destination.bucket, &destination.key, &headers).await?;
        let growth = Growth { smallest: self.options.part_size, most: self.options.max_parts };
        let sent = AtomicU64::new(0);
        let sent_so_far = &sent;
        let parts =
            futures::stream::try_unfold((source, 1u32, false), |(mut source, number, ended)| async move {
                if ended {
                    return Ok(None);
                }
                let size = growth.next(sent_so_far.load(Ordering::Relaxed));
                let content = read_part(&mut source, size).await?;
                let ended = content.len() < size;
                // Empty input is uploaded as one empty part. If the length is a multiple of the part size, there is no
                // empty last part.
                if content.is_empty() && number > 1 {
                    return Ok(None);
                }
                if u64::from(number) > MAX_PARTS {
                    return Err(Error::Invalid("the input is too long for an object".into()));
                }
                sent_so_far.fetch_add(content.len(), Ordering::Relaxed);
                Ok(Some(((number, content), (source, number + 1, ended))))
            });
        let upload = UploadRef { bucket: &destination.bucket, key: &destination.key, id: &id };
        self.register_unfinished(upload);
        let finished = parts
            .map(|part: Result<(u32, Payload)>| async move {
                let (number, payload) = part.map_err(|error| (None, error))?;
                let _permit = self.client.bulk_permit().await;
                let length = payload.len();
                let part = async {
                    let digests = payload.hashed(self.required_digests(self.options.checksum)).await?;
                    self.part(upload, number, payload, digests, progress).await
                };
                let part = part.await;
                part.map(|part| (part, length)).map_err(|error| (Some(number), error))
            })
            .buffered(HELD.min(self.width))
            .try_collect::<Vec<_>>()
            .await;
        let finished = self.keep_on_failure(upload, finished).await?;
        let (parts, lengths): (Vec<SentPart>, Vec<u64>) = finished.into_iter().unzip();
        let sent = sent.into_inner();
        let completed = async {
            if let Some(file) = file {
                let mut offset = 0;
                let ranges = parts.iter().zip(&lengths).map(|(part, length)| {
                    let start = offset;
                    offset += length;
                    (start, *length, part.md5)
                });
                file.check(ranges).await?;
            }
            let whole = whole_checksum(sums, &parts, lengths.iter().copied());
            self.complete(upload, &parts, sent, whole).await
        };
        let completed = completed.await.map_err(|error| (None, error));
        self.keep_on_failure(upload, completed).await?;
        Ok(sent)
    }
}

/// Reads until the part is full or the input ends.
async fn read_part(source: &mut (impl AsyncRead + Unpin), size: u64) -> Result<Payload> {
    let mut source = source.take(size);
    if size <= IN_MEMORY {
        let mut content = Vec::with_capacity(size as usize);
        source.read_to_end(&mut content).await?;
        return Ok(Payload::Bytes(content.into()));
    }
    let mut file = temporary::file()?;
    let (mut block, mut length) = (Vec::with_capacity(BLOCK), 0);
    loop {
        block.clear();
        while block.len() < BLOCK && source.read_buf(&mut block).await? > 0 {}
        if block.is_empty() {
            break;
        }
        length += block.len() as u64;
        let written = tokio::task::spawn_blocking(move || file.write_all(&block).map(|()| (file, block)));
        let written = written.await.map_err(std::io::Error::other)?;
        (file, block) = written.map_err(|error| temporary::explained(&error))?;
    }
    Ok(Payload::File(FileRange { file: Arc::new(file), offset: 0, length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of the parts in which `length` bytes are uploaded.
    fn parts(growth: Growth, length: u64) -> Vec<u64> {
        let (mut sent, mut parts) = (0, Vec::new());
        while sent < length {
            let part = growth.next(sent).min(length - sent);
            parts.push(part);
            sent += part;
        }
        parts
    }

    #[test]
    fn ten_thousand_parts_suffice_for_the_largest_object() {
        const MIB: u64 = 1 << 20;
        const TIB: u64 = 1 << 40;
        for smallest in [5 * MIB, 15 * MIB, 100 * MIB, 5 << 30] {
            let growth = Growth { smallest, most: MAX_PARTS };
            // 5 TiB: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
            for length in [151 << 30, TIB, 5 * TIB] {
                let parts = parts(growth, length);
                assert!(parts.len() as u64 <= MAX_PARTS, "{} parts for {length}", parts.len());
                assert_eq!(parts.iter().sum::<u64>(), length);
                let (_, full) = parts.split_last().unwrap();
                assert!(full.iter().all(|part| (smallest..=MAX_PART_SIZE).contains(part)));
                assert!(full.is_sorted());
            }
        }
        let default = Growth { smallest: 15 * MIB, most: MAX_PARTS };
        // Whatever s3cmd can send is split into parts of s3cmd's size at first, and stays in parts that are small
        // compared with the whole.
        assert!(parts(default, 18 << 30).iter().all(|part| *part <= 15 * MIB));
        assert_eq!(parts(default, 151 << 30).iter().max(), Some(&(124 * MIB)));
    }

    #[test]
    fn a_lower_limit_makes_parts_grow_sooner() {
        let growth = Growth { smallest: 5 << 20, most: 100 };
        assert!(parts(growth, 50 << 30).len() <= 100);
    }

    #[tokio::test]
    async fn a_part_is_the_same_in_memory_and_in_a_file() {
        let content: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        for (size, length) in [(2_000_000, 2_000_000), (4_000_000, 3_000_000), (IN_MEMORY + 1, 3_000_000)] {
            let mut source = &content[..];
            let part = read_part(&mut source, size).await.unwrap();
            assert_eq!((part.len(), source.len() as u64), (length, 3_000_000 - length));
            assert_eq!(matches!(part, Payload::File(_)), size > IN_MEMORY);
            let expected = Payload::Bytes(content[..length as usize].to_vec().into());
            let (part, expected) =
                (part.digests(true, true).await.unwrap(), expected.digests(true, true).await.unwrap());
            assert_eq!((part.md5, part.sha256), (expected.md5, expected.sha256));
        }
    }
}
