//! Proof of an object that was uploaded in parts. What the store keeps of it is computed over the digests of its parts: the
//! ETag over their MD5s, a checksum of parts over their checksums. Both can be computed again where the parts' sizes are
//! known: stored by the uploader, told by the server, or (for the ETag) one of the sizes that clients use.

use super::object::Remote;
use crate::s3::body::{Digests, FileRange, Payload, Wanted};
use crate::s3::checksum::{Checksum, Stored};
use crate::s3::multipart::{composite_etag, is_md5};
use crate::s3::{Client, Error, Result};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use std::fs::File;
use std::sync::Arc;

/// Part sizes that clients use by default, in MiB: AWS CLI and boto3 8, s3cmd 15, rclone 5, MinIO 16, s5cmd 50, Swift
/// and GUI clients the others.
const COMMON_SIZES: &[u64] = &[5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 200, 256, 500, 512];

/// Most guesses for one object: each costs a pass over its bytes.
const MAX_GUESSES: usize = 3;

/// Parts that are asked about at once.
const ASKED: usize = 16;

/// Compares a complete file with what the store says about its parts: their checksums, else their ETags. Parts whose
/// sizes are known must give that; if only guesses can be made and none gives it, the length has to do, which is logged.
/// `ask`: whether the server may be asked for the sizes for the sake of the ETag (it is for that of checksums: a server that
/// keeps those knows the sizes, and a question costs less than a guess).
pub(super) async fn verify(
    client: &Client,
    uri: &S3Uri,
    object: &Remote,
    file: &Arc<File>,
    ask: bool,
) -> Result<()> {
    let proofs =
        [Proof::of_checksum(object).map(|proof| (proof, true)), Proof::of_etag(object).map(|p| (p, ask))];
    for (proof, ask) in proofs.into_iter().flatten() {
        if proof.decide(client, uri, object, file, ask).await? {
            return Ok(());
        }
    }
    log::info!("'{uri}' has no checksum to compare with: only its length was checked");
    Ok(())
}

/// What the store keeps, computed over its number of parts.
enum Proof<'a> {
    Checksum(Checksum, u64),
    Etag(&'a str, u64),
}

impl<'a> Proof<'a> {
    fn of_checksum(object: &'a Remote) -> Option<Self> {
        match object.checksum {
            Some(Stored::Parts(stored, parts)) => Some(Self::Checksum(stored, parts)),
            _ => None,
        }
    }

    fn of_etag(object: &'a Remote) -> Option<Self> {
        let parts = part_count(&object.etag).filter(|_| !object.opaque_etag)?;
        Some(Self::Etag(&object.etag, parts))
    }

    fn parts(&self) -> u64 {
        match self {
            Self::Checksum(_, parts) | Self::Etag(_, parts) => *parts,
        }
    }

    /// `false` if the sizes of the parts are not to be found out.
    async fn decide(
        &self,
        client: &Client,
        uri: &S3Uri,
        object: &Remote,
        file: &Arc<File>,
        ask: bool,
    ) -> Result<bool> {
        let parts = self.parts();
        let size = match object.part_size {
            None if ask => client.size_of_part(&uri.bucket, &uri.key, 1, parts).await?,
            known => known,
        };
        if let Some(even) = size.and_then(|size| cut(object.size, size, parts)) {
            let computed = self.compute(file, &even).await?;
            if self.agrees(&computed) {
                return Ok(true);
            }
            // Parts need not be of one size, and a size that the uploader stored may have outlived a copy.
            return match sizes_of(client, uri, parts).await? {
                Some(sizes) if sizes != even => self.must_agree(file, object, &sizes).await,
                _ => Err(self.mismatch(&computed)),
            };
        }
        // The first part's size says nothing about the others here, but a server that told it tells theirs, too.
        if size.is_some()
            && ask
            && let Some(sizes) = sizes_of(client, uri, parts).await?
        {
            return self.must_agree(file, object, &sizes).await;
        }
        if matches!(self, Self::Etag(..)) {
            for size in guesses(object.size, parts) {
                let Some(even) = cut(object.size, size, parts) else { continue };
                if self.agrees(&self.compute(file, &even).await?) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Compares with the parts that the server told of; `false` if they do not even make up the object.
    async fn must_agree(&self, file: &Arc<File>, object: &Remote, sizes: &[u64]) -> Result<bool> {
        if sizes.iter().sum::<u64>() != object.size {
            return Ok(false);
        }
        let computed = self.compute(file, sizes).await?;
        if self.agrees(&computed) { Ok(true) } else { Err(self.mismatch(&computed)) }
    }

    /// What the file's parts give, hashed side by side.
    async fn compute(&self, file: &Arc<File>, sizes: &[u64]) -> Result<String> {
        let wanted = match self {
            Self::Checksum(stored, _) => Wanted { checksum: Some(stored.algorithm()), ..Wanted::default() },
            Self::Etag(..) => Wanted { md5: true, ..Wanted::default() },
        };
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
        let digests: Vec<Digests> = futures::stream::iter(ranges)
            .map(|range| async move { Payload::File(range).hashed(wanted).await })
            .buffered(lanes)
            .try_collect()
            .await?;
        let all = match self {
            Self::Checksum(..) => Checksum::of_parts(digests.iter().filter_map(|digests| digests.checksum))
                .map(|sum| sum.to_string()),
            Self::Etag(..) => {
                let hex: Vec<String> =
                    digests.iter().filter_map(|digests| digests.md5.map(hex::encode)).collect();
                composite_etag(hex.iter().map(String::as_str))
            }
        };
        all.ok_or_else(|| Error::Integrity("a digest that is none".into()))
    }

    fn stored(&self) -> String {
        match self {
            Self::Checksum(stored, _) => stored.to_string(),
            Self::Etag(etag, _) => (*etag).to_owned(),
        }
    }

    fn agrees(&self, computed: &str) -> bool {
        computed == self.stored()
    }

    fn mismatch(&self, computed: &str) -> Error {
        let stored = self.stored();
        Error::Integrity(match self {
            Self::Checksum(checksum, _) => format!(
                "{} checksums of the parts do not match: computed={computed}, received={stored}",
                checksum.algorithm()
            ),
            Self::Etag(..) => {
                format!("ETags of the parts do not match: computed={computed}, received={stored}")
            }
        })
    }
}

/// The sizes of all parts, if the server tells them.
async fn sizes_of(client: &Client, uri: &S3Uri, parts: u64) -> Result<Option<Vec<u64>>> {
    let sizes = futures::stream::iter(1..=parts)
        .map(|part| client.size_of_part(&uri.bucket, &uri.key, part, parts))
        .buffered(ASKED);
    let sizes: Vec<Option<u64>> = sizes.try_collect().await?;
    Ok(sizes.into_iter().collect())
}

/// Parts of one size, the last one shorter, if there are so many of them.
fn cut(length: u64, size: u64, parts: u64) -> Option<Vec<u64>> {
    if size == 0 || length.div_ceil(size).max(1) != parts {
        return None;
    }
    Some((0..parts).map(|part| size.min(length - part * size)).collect())
}

/// The number of parts in a composite ETag.
fn part_count(etag: &str) -> Option<u64> {
    let (digest, parts) = etag.split_once('-')?;
    parts.parse().ok().filter(|parts| *parts > 0 && is_md5(digest))
}

fn guesses(length: u64, parts: u64) -> impl Iterator<Item = u64> {
    let common = COMMON_SIZES.iter().map(|mebibytes| mebibytes << 20);
    common.filter(move |size| length.div_ceil(*size) == parts).take(MAX_GUESSES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Digest, Md5};
    use crate::s3::checksum::{Algorithm, Hasher};
    use std::io::Write;

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

    #[test]
    fn parts_of_one_size_are_cut_only_where_their_number_is_right() {
        assert_eq!(cut(25, 10, 3), Some(vec![10, 10, 5]));
        assert_eq!(cut(20, 10, 2), Some(vec![10, 10]));
        assert_eq!(cut(0, 10, 1), Some(vec![0]));
        assert_eq!(cut(25, 10, 2), None);
        assert_eq!(cut(25, 0, 1), None);
    }

    #[tokio::test]
    async fn what_is_computed_depends_on_the_sizes_of_the_parts() {
        let content: Vec<u8> = (0..700_001u32).map(|i| (i % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let file = Arc::new(file);
        let (right, wrong) = ([300_000, 300_000, 100_001], [300_001, 300_000, 100_000]);
        for algorithm in Algorithm::all() {
            let parts = content.chunks(300_000).map(|part| {
                let mut hasher = Hasher::new(algorithm);
                hasher.update(part);
                hasher.finish()
            });
            let proof = Proof::Checksum(Checksum::of_parts(parts).unwrap(), 3);
            assert!(proof.agrees(&proof.compute(&file, &right).await.unwrap()));
            assert!(!proof.agrees(&proof.compute(&file, &wrong).await.unwrap()));
        }
        let digests: Vec<String> =
            content.chunks(300_000).map(|part| hex::encode(Md5::digest(part))).collect();
        let etag = composite_etag(digests.iter().map(String::as_str)).unwrap();
        let proof = Proof::Etag(&etag, 3);
        assert!(proof.agrees(&proof.compute(&file, &right).await.unwrap()));
        assert!(!proof.agrees(&proof.compute(&file, &wrong).await.unwrap()));
    }

    /// A server that tells the sizes of an object's parts and nothing else.
    fn telling(sizes: &'static [u64]) -> Client {
        use crate::s3::endpoint::Endpoint;
        use std::io::{BufRead, BufReader};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines =
                    BufReader::new(stream.try_clone().unwrap()).lines().map_while(|line| line.ok());
                let asked = lines.next().unwrap_or_default();
                let _ = lines.find(String::is_empty);
                let number = asked.split_once("partNumber=").unwrap().1.split(' ').next().unwrap();
                let size = sizes[number.parse::<usize>().unwrap() - 1];
                let count = sizes.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nETag: \"e\"\r\nx-amz-mp-parts-count: {count}\r\n\
                     Connection: close\r\n\r\n"
                );
            }
        });
        let endpoint = Endpoint::new(&format!("127.0.0.1:{port}"), "", false, false);
        Client::new(crate::s3::ClientOptions::new(endpoint, None))
    }

    #[tokio::test]
    async fn parts_that_only_begin_evenly_are_compared_as_they_are() {
        let content = b"123456789";
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let file = Arc::new(file);
        let uri = S3Uri { bucket: "b".into(), key: "k".into() };
        for sizes in [&[4, 4, 1][..], &[4, 3, 2], &[2, 6, 1]] {
            let mut rest = &content[..];
            let digests: Vec<String> = sizes
                .iter()
                .map(|&size| hex::encode(Md5::digest(rest.split_off(..size as usize).unwrap())))
                .collect();
            let right = composite_etag(digests.iter().map(String::as_str)).unwrap();
            let wrong = composite_etag([digests[0].as_str(); 3]).unwrap();
            // A size that the uploader stored, and none: the server's word decides in the end.
            for stored in [None, Some("4"), Some("2")] {
                for (etag, good) in [(&right, true), (&wrong, false)] {
                    let client = telling(sizes);
                    let header =
                        |name: &str| stored.filter(|_| name == crate::transfer::attrs::PART_SIZE_HEADER);
                    let object = Remote::new(9, etag.clone(), header);
                    let verdict = verify(&client, &uri, &object, &file, true).await;
                    assert_eq!(verdict.is_ok(), good, "{sizes:?} {stored:?} {verdict:?}");
                }
            }
        }
    }
}
