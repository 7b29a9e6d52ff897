//! Proof of an object that was uploaded in parts by the store's checksum of the parts' checksums, where their size is known.

use super::object::Remote;
use crate::s3::body::{FileRange, Payload, Wanted};
use crate::s3::checksum::{Algorithm, Checksum, Stored};
use crate::s3::{Client, Error, Result};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use std::fs::File;
use std::sync::Arc;

/// Parts that are asked about at once.
const ASKED: usize = 16;

/// Compares a complete file with the checksum of its parts. `false` if there is none or their sizes are not known. A server
/// that keeps such checksums knows the sizes, too: a question costs less than a guess.
pub(super) async fn verify(client: &Client, uri: &S3Uri, object: &Remote, file: &Arc<File>) -> Result<bool> {
    let Some(Stored::Parts(stored, parts)) = object.checksum else { return Ok(false) };
    let size = match object.part_size {
        None => client.first_part_size(&uri.bucket, &uri.key, parts).await?,
        known => known,
    };
    let Some(size) = size.filter(|size| *size > 0) else { return Ok(false) };
    let even: Vec<u64> =
        (0..object.size.div_ceil(size)).map(|part| size.min(object.size - part * size)).collect();
    let mut computed = None;
    if even.len() as u64 == parts {
        computed = compute(file, &even, stored.algorithm()).await?;
        if computed == Some(stored) {
            return Ok(true);
        }
    }
    // Parts need not be of one size; whoever stored it with the object made them so.
    if object.part_size.is_none()
        && let Some(sizes) = sizes_of(client, uri, parts).await?
        && sizes.iter().sum::<u64>() == object.size
        && sizes != even
    {
        computed = compute(file, &sizes, stored.algorithm()).await?;
        if computed == Some(stored) {
            return Ok(true);
        }
    }
    let Some(computed) = computed else { return Ok(false) };
    Err(Error::Integrity(format!(
        "{} checksums of the parts do not match: computed={computed}, received={stored}",
        stored.algorithm()
    )))
}

/// The sizes of all parts, if the server tells them.
async fn sizes_of(client: &Client, uri: &S3Uri, parts: u64) -> Result<Option<Vec<u64>>> {
    let sizes = futures::stream::iter(1..=parts)
        .map(|part| client.size_of_part(&uri.bucket, &uri.key, part, parts))
        .buffered(ASKED);
    let sizes: Vec<Option<u64>> = sizes.try_collect().await?;
    Ok(sizes.into_iter().collect())
}

/// The checksum of the checksums of a file's parts, which are computed side by side.
async fn compute(file: &Arc<File>, sizes: &[u64], algorithm: Algorithm) -> Result<Option<Checksum>> {
    let wanted = Wanted { checksum: Some(algorithm), ..Wanted::default() };
    let lanes = std::thread::available_parallelism().map_or(2, usize::from);
    let mut offset = 0;
    let ranges: Vec<FileRange> = sizes
        .iter()
        .map(|&length| {
            let range = FileRange { file: file.clone(), offset, length };
            offset += length;
            range
        })
        .collect();
    let parts: Vec<_> = futures::stream::iter(ranges)
        .map(|range| async move { Payload::File(range).hashed(wanted).await })
        .buffered(lanes)
        .try_collect()
        .await?;
    Ok(Checksum::of_parts(parts.into_iter().filter_map(|digests| digests.checksum)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::checksum::Hasher;
    use std::io::Write;

    #[tokio::test]
    async fn the_checksum_of_parts_depends_on_their_size() {
        let content: Vec<u8> = (0..700_001u32).map(|i| (i % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let file = Arc::new(file);
        for algorithm in Algorithm::all() {
            let parts = content.chunks(300_000).map(|part| {
                let mut hasher = Hasher::new(algorithm);
                hasher.update(part);
                hasher.finish()
            });
            let wanted = Checksum::of_parts(parts);
            assert_eq!(compute(&file, &[300_000, 300_000, 100_001], algorithm).await.unwrap(), wanted);
            assert_ne!(compute(&file, &[300_001, 300_000, 100_000], algorithm).await.unwrap(), wanted);
        }
    }
}
