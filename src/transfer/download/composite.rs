//! Proof of an object that was uploaded in parts: its ETag is the MD5 of the parts' MD5s, so it can be computed again
//! where the part size is known: stored by the uploader, told by the server, or one of the sizes that clients use.

use super::object::Remote;
use crate::digest::{Digest, Md5};
use crate::s3::multipart::{composite_etag, is_md5};
use crate::s3::{Client, Error, Result};
use crate::uri::S3Uri;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Part sizes that clients use by default, in MiB: AWS CLI and boto3 8, s3cmd 15, rclone 5, MinIO 16, s5cmd 50, Swift
/// and GUI clients the others.
const COMMON_SIZES: &[u64] = &[5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 200, 256, 500, 512];

/// Most guesses for one object: each costs a pass over its bytes.
const MAX_GUESSES: usize = 3;

/// Compares a complete file with the ETag of its parts. A part size that is known must give the ETag; if only guesses can
/// be made and none gives it, the length has to do, which is logged.
pub(super) async fn verify(
    client: &Client,
    uri: &S3Uri,
    object: &Remote,
    file: &Arc<File>,
    ask: bool,
) -> Result<()> {
    let length_only = || log::info!("'{uri}' has no checksum to compare with: only its length was checked");
    let Some(parts) = part_count(&object.etag).filter(|_| !object.opaque_etag) else {
        length_only();
        return Ok(());
    };
    let told = match object.part_size {
        None if ask => client.first_part_size(&uri.bucket, &uri.key, parts).await?,
        told => told,
    };
    if let Some(size) = told.filter(|size| *size > 0 && object.size.div_ceil(*size) == parts) {
        let computed = compute(file, object.size, size).await?;
        return if computed == object.etag {
            Ok(())
        } else {
            Err(Error::Integrity(format!(
                "ETags of the parts do not match: computed={computed}, received={}",
                object.etag
            )))
        };
    }
    for size in guesses(object.size, parts) {
        if compute(file, object.size, size).await? == object.etag {
            return Ok(());
        }
    }
    length_only();
    Ok(())
}

/// The number of parts in a composite ETag.
fn part_count(etag: &str) -> Option<u64> {
    let (digest, parts) = etag.split_once('-')?;
    parts.parse().ok().filter(|parts| *parts > 0 && is_md5(digest))
}

fn guesses(size: u64, parts: u64) -> impl Iterator<Item = u64> {
    let common = COMMON_SIZES.iter().map(|mebibytes| mebibytes << 20);
    common.filter(move |part| size.div_ceil(*part) == parts).take(MAX_GUESSES)
}

/// The composite ETag of a file, its parts hashed side by side.
async fn compute(file: &Arc<File>, size: u64, part_size: u64) -> Result<String> {
    let parts = size.div_ceil(part_size).max(1);
    let next = Arc::new(AtomicU64::new(0));
    let lanes = std::thread::available_parallelism().map_or(2, usize::from).min(parts as usize);
    let hashed = (0..lanes).map(|_| {
        let (file, next) = (file.clone(), next.clone());
        tokio::task::spawn_blocking(move || {
            let mut done = Vec::new();
            let mut block = vec![0; 1 << 20];
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= parts {
                    return io::Result::Ok(done);
                }
                let (mut position, end) = (part * part_size, size.min((part + 1) * part_size));
                let mut hasher = Md5::new();
                while position < end {
                    let count = block.len().min((end - position) as usize);
                    file.read_exact_at(&mut block[..count], position)?;
                    hasher.update(&block[..count]);
                    position += count as u64;
                }
                done.push((part, hex::encode(hasher.finalize())));
            }
        })
    });
    let mut all = Vec::new();
    for lane in hashed.collect::<Vec<_>>() {
        all.extend(lane.await.map_err(io::Error::other)??);
    }
    all.sort_unstable();
    let etag = composite_etag(all.iter().map(|(_, digest)| digest.as_str()));
    etag.ok_or_else(|| Error::Integrity("a digest that is none".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_sizes_are_guessed_by_the_number_of_parts() {
        let mib = |list: &[u64]| list.iter().map(|size| size << 20).collect::<Vec<_>>();
        assert_eq!(guesses(16_000_000, 2).collect::<Vec<_>>(), mib(&[8, 10, 15]));
        assert_eq!(guesses(100 << 20, 7).collect::<Vec<_>>(), mib(&[15, 16]));
        assert_eq!(guesses(100 << 20, 3).count(), 0);
        assert_eq!(part_count("d41d8cd98f00b204e9800998ecf8427e-12"), Some(12));
        for etag in ["d41d8cd98f00b204e9800998ecf8427e", "x-1", "d41d8cd98f00b204e9800998ecf8427e-0", ""] {
            assert_eq!(part_count(etag), None, "{etag}");
        }
    }

    #[tokio::test]
    async fn composite_etags_are_those_of_the_parts() {
        let file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..2_500_000u32).map(|i| (i % 253) as u8).collect();
        file.write_all_at(&content, 0).unwrap();
        let digests: Vec<String> =
            content.chunks(1_000_000).map(|part| hex::encode(Md5::digest(part))).collect();
        let expected = composite_etag(digests.iter().map(String::as_str)).unwrap();
        assert_eq!(compute(&Arc::new(file), 2_500_000, 1_000_000).await.unwrap(), expected);
    }
}
