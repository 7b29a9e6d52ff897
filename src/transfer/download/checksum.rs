//! Proof of an object that was uploaded in parts by the store's checksum of the parts' checksums, where their size is known.

use super::object::Remote;
use crate::s3::body::{FileRange, Payload, Wanted};
use crate::s3::checksum::{Algorithm, Checksum, Stored};
use crate::s3::{Client, Error, Result};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use std::fs::File;
use std::sync::Arc;

/// Compares a complete file with the checksum of its parts. `false` if there is none or their size is not known; with
/// `ask` the server is asked for it.
pub(super) async fn verify(
    client: &Client,
    uri: &S3Uri,
    object: &Remote,
    file: &Arc<File>,
    ask: bool,
) -> Result<bool> {
    let Some(Stored::Parts(stored, parts)) = object.checksum else { return Ok(false) };
    let told = match object.part_size {
        None if ask => client.first_part_size(&uri.bucket, &uri.key, parts).await?,
        told => told,
    };
    let Some(part_size) = told.filter(|size| *size > 0 && object.size.div_ceil(*size) == parts) else {
        return Ok(false);
    };
    let computed = compute(file, object.size, part_size, stored.algorithm()).await?;
    if computed == Some(stored) {
        return Ok(true);
    }
    let computed = computed.map_or_else(String::new, |computed| computed.to_string());
    Err(Error::Integrity(format!(
        "{} checksums of the parts do not match: computed={computed}, received={stored}",
        stored.algorithm()
    )))
}

/// The checksum of the checksums of a file's parts, which are computed side by side.
async fn compute(
    file: &Arc<File>,
    size: u64,
    part_size: u64,
    algorithm: Algorithm,
) -> Result<Option<Checksum>> {
    let wanted = Wanted { checksum: Some(algorithm), ..Wanted::default() };
    let lanes = std::thread::available_parallelism().map_or(2, usize::from);
    let parts: Vec<_> = futures::stream::iter(0..size.div_ceil(part_size))
        .map(|part| async move {
            let offset = part * part_size;
            let length = part_size.min(size - offset);
            Payload::File(FileRange { file: file.clone(), offset, length }).hashed(wanted).await
        })
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
            assert_eq!(compute(&file, 700_001, 300_000, algorithm).await.unwrap(), wanted);
            assert_ne!(compute(&file, 700_001, 300_001, algorithm).await.unwrap(), wanted);
        }
    }
}
