//! Verification of objects that were uploaded in parts. The store computes their values over the digests of the parts:
//! the ETag over their MD5s, a composite checksum over their checksums. Both can be recomputed if the part sizes are
//! known: stored by the uploader, reported by the server, or (for the ETag) one of the sizes that clients use.
//!
//! A file is read back with its parts hashed concurrently ([`verify`]). Content that cannot be read back is hashed as
//! it arrives ([`prepare`]).

use super::object::Remote;
use crate::transfer::composite::{Composite, Kind, Sizes};
use crate::transfer::part_sizes;
use crate::transfer::proof::{Evidence, PartSizes};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use s3cmd_client::checksum::Stored;
use s3cmd_client::http::body::{Digests, FileRange, Payload};
use s3cmd_client::ops::multipart::{MAX_PARTS, is_md5};
use s3cmd_client::{Client, Error, Result};
use std::fs::File;
use std::sync::Arc;

/// The number of parts whose sizes are requested concurrently.
const CONCURRENT_REQUESTS: usize = 16;

/// The result of comparing complete content with the values that the store computed over its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// It is the object's.
    Proved(Evidence),
    /// There is nothing to compare with.
    Nothing,
    /// Common part sizes fit the object, but none of them reproduces the ETag. Contains the error message.
    Disagrees(String),
}

/// Compares a complete file with the composite checksum of the store, or else with the ETag. If the part sizes are
/// known, the values must match. `ask_server`: whether to request the part sizes from the server for the ETag. For a
/// composite checksum they are always requested: a server that stores one knows the sizes, and a request costs less
/// than a guess.
pub(super) async fn verify(
    client: &Client,
    uri: &S3Uri,
    object: &Remote,
    file: &Arc<File>,
    ask_server: bool,
) -> Result<Compared> {
    let mut compared = Compared::Nothing;
    for claim in Claim::all(object) {
        let ask_server = ask_server || claim.kind != Kind::Etag;
        match claim.decide(client, uri, object, file, ask_server).await? {
            Compared::Nothing => {}
            Compared::Disagrees(text) => compared = Compared::Disagrees(text),
            proved => return Ok(proved),
        }
    }
    Ok(compared)
}

/// A composite value of the store, and its number of parts.
struct Claim {
    kind: Kind,
    stored: String,
    parts: u64,
}

impl Claim {
    /// All claims of an object, the stronger one first.
    fn all(object: &Remote) -> impl Iterator<Item = Self> {
        let checksum = match object.checksum {
            Some(Stored::Parts(stored, parts)) if parts <= MAX_PARTS => {
                Some(Self { kind: Kind::Checksum(stored.algorithm()), stored: stored.to_string(), parts })
            }
            _ => None,
        };
        let parts = part_count(&object.etag).filter(|_| !object.opaque_etag);
        let etag = parts.map(|parts| Self { kind: Kind::Etag, stored: object.etag.clone(), parts });
        checksum.into_iter().chain(etag)
    }

    async fn decide(
        &self,
        client: &Client,
        uri: &S3Uri,
        object: &Remote,
        file: &Arc<File>,
        ask_server: bool,
    ) -> Result<Compared> {
        let (size, origin) = match object.part_size {
            None if ask_server => (self.size_of_first(client, uri, object).await?, PartSizes::Reported),
            stored => (stored, PartSizes::Stored),
        };
        let mut refuted = None;
        if let Some(even) = size.and_then(|size| even_parts(object.size, size, self.parts)) {
            let computed = self.compute(file, &even).await?;
            if self.agrees(&computed) {
                return Ok(self.proved(origin));
            }
            // Parts can differ in size, and a size that the uploader stored may be outdated after a copy.
            match self.sizes_of(client, uri, object).await? {
                Some(sizes) if sizes != even => return self.compare_reported(file, object, &sizes).await,
                Some(_) => return Err(self.mismatch(&computed)),
                None => refuted = Some(computed),
            }
        } else if size.is_some()
            && ask_server
            // The first part's size does not fit all parts, but a server that reported it reports the others too.
            && let Some(sizes) = self.sizes_of(client, uri, object).await?
        {
            return self.compare_reported(file, object, &sizes).await;
        }
        let mut guessed = None;
        for size in self.common(object) {
            let Some(even) = even_parts(object.size, size, self.parts) else { continue };
            let computed = self.compute(file, &even).await?;
            if self.agrees(&computed) {
                return Ok(self.proved(PartSizes::Common));
            }
            guessed = guessed.or(Some(computed));
        }
        match (refuted, guessed) {
            (Some(computed), _) => Err(self.mismatch(&computed)),
            (None, Some(computed)) => Ok(Compared::Disagrees(self.mismatch_text(&computed))),
            (None, None) => Ok(Compared::Nothing),
        }
    }

    /// The common part sizes that give the number of parts. None for a composite checksum: a server that stores one
    /// knows the sizes.
    fn common(&self, object: &Remote) -> Vec<u64> {
        match self.kind {
            Kind::Etag => part_sizes::common(object.size, self.parts, 0),
            Kind::Checksum(_) => Vec::new(),
        }
    }

    /// Compares the file using the part sizes that the server reported. Returns `Nothing` if they do not add up to the
    /// object's size.
    async fn compare_reported(&self, file: &Arc<File>, object: &Remote, sizes: &[u64]) -> Result<Compared> {
        if sizes.iter().sum::<u64>() != object.size {
            return Ok(Compared::Nothing);
        }
        let computed = self.compute(file, sizes).await?;
        if self.agrees(&computed) {
            Ok(self.proved(PartSizes::Reported))
        } else {
            Err(self.mismatch(&computed))
        }
    }

    /// Computes the composite value of the file, hashing parts concurrently.
    async fn compute(&self, file: &Arc<File>, sizes: &[u64]) -> Result<String> {
        let required = self.kind.required_digests();
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
            .map(|range| async move { Payload::File(range).hashed(required).await })
            .buffered(lanes)
            .try_collect()
            .await?;
        self.kind.of_parts(&digests).ok_or_else(|| Error::Integrity("the digest of a part is missing".into()))
    }

    async fn size_of_first(&self, client: &Client, uri: &S3Uri, object: &Remote) -> Result<Option<u64>> {
        client.size_of_part(&uri.bucket, &uri.key, &object.etag, 1, self.parts).await
    }

    /// The sizes of all parts in bytes, if the server reports them.
    async fn sizes_of(&self, client: &Client, uri: &S3Uri, object: &Remote) -> Result<Option<Vec<u64>>> {
        let sizes = futures::stream::iter(1..=self.parts)
            .map(|part| client.size_of_part(&uri.bucket, &uri.key, &object.etag, part, self.parts))
            .buffered(CONCURRENT_REQUESTS)
            // One missing size is enough to stop.
            .try_take_while(|size| futures::future::ready(Ok(size.is_some())));
        let sizes: Vec<u64> =
            sizes.try_filter_map(|size| futures::future::ready(Ok(size))).try_collect().await?;
        Ok(Some(sizes).filter(|sizes| sizes.len() as u64 == self.parts))
    }

    fn proved(&self, origin: PartSizes) -> Compared {
        Compared::Proved(match self.kind {
            Kind::Etag => Evidence::PartEtags(origin),
            Kind::Checksum(algorithm) => Evidence::PartChecksums(algorithm),
        })
    }

    fn agrees(&self, computed: &str) -> bool {
        match self.kind {
            Kind::Etag => computed.eq_ignore_ascii_case(&self.stored),
            Kind::Checksum(_) => computed == self.stored,
        }
    }

    fn mismatch(&self, computed: &str) -> Error {
        Error::Integrity(self.mismatch_text(computed))
    }

    fn mismatch_text(&self, computed: &str) -> String {
        let stored = &self.stored;
        match self.kind {
            Kind::Checksum(algorithm) => format!(
                "{algorithm} checksums of the parts do not match: computed={computed}, received={stored}"
            ),
            Kind::Etag => format!("ETags of the parts do not match: computed={computed}, received={stored}"),
        }
    }
}

/// The computation of a composite value for content that arrives only once, for all plausible part sizes.
pub(super) struct Streamed {
    claim: Option<Claim>,
    candidates: Vec<(PartSizes, Composite)>,
}

/// Determines the plausible part sizes. `exactly`: request the size of every part, because a single size for all was
/// wrong.
pub(super) async fn prepare(
    client: &Client,
    uri: &S3Uri,
    object: &Remote,
    exactly: bool,
) -> Result<Streamed> {
    for claim in Claim::all(object) {
        let fits = |size: u64| even_parts(object.size, size, claim.parts).is_some();
        let first = match object.part_size {
            Some(size) if !exactly && fits(size) => None,
            _ => claim.size_of_first(client, uri, object).await?,
        };
        let (size, origin) = match first {
            Some(_) => (first, PartSizes::Reported),
            None => (object.part_size, PartSizes::Stored),
        };
        let even = size.filter(|size| even_parts(object.size, *size, claim.parts).is_some());
        let mut candidates = Vec::new();
        if first.is_some() && (exactly || even.is_none()) {
            let sizes = claim.sizes_of(client, uri, object).await?;
            candidates.extend(
                sizes
                    .filter(|sizes| sizes.iter().sum::<u64>() == object.size)
                    .map(|sizes| (PartSizes::Reported, Sizes::Each(sizes))),
            );
        }
        if candidates.is_empty() {
            candidates.extend(even.map(|size| (origin, Sizes::Even(size))));
        }
        if !candidates.iter().any(|(origin, _)| *origin == PartSizes::Reported) {
            let common = claim.common(object).into_iter().filter(|size| Some(*size) != even);
            candidates.extend(common.map(|size| (PartSizes::Common, Sizes::Even(size))));
        }
        if !candidates.is_empty() {
            let kind = claim.kind;
            let candidates =
                candidates.into_iter().map(|(origin, sizes)| (origin, Composite::new(kind, sizes))).collect();
            return Ok(Streamed { claim: Some(claim), candidates });
        }
    }
    Ok(Streamed::nothing())
}

impl Streamed {
    /// For content of which nothing has to be computed.
    pub(super) fn nothing() -> Self {
        Self { claim: None, candidates: Vec::new() }
    }

    /// Whether nothing is computed.
    pub(super) fn is_nothing(&self) -> bool {
        self.candidates.is_empty()
    }

    /// Adds the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.candidates.iter_mut().for_each(|(_, candidate)| candidate.update(bytes));
    }

    /// Compares the results. Fails if the part sizes were known and give another value.
    pub(super) fn finish(self) -> Result<Compared> {
        let Some(claim) = self.claim else { return Ok(Compared::Nothing) };
        let mut first = None;
        for (origin, candidate) in self.candidates {
            let computed = candidate.finish().unwrap_or_default();
            if claim.agrees(&computed) {
                return Ok(claim.proved(origin));
            }
            first = first.or(Some((origin, computed)));
        }
        match first {
            None => Ok(Compared::Nothing),
            Some((PartSizes::Common, computed)) => Ok(Compared::Disagrees(claim.mismatch_text(&computed))),
            Some((_, computed)) => Err(claim.mismatch(&computed)),
        }
    }
}

/// The sizes of `parts` parts of `size` bytes each, the last one possibly shorter. `None` if that is not the number of
/// parts.
fn even_parts(length: u64, size: u64, parts: u64) -> Option<Vec<u64>> {
    if size == 0 || length.div_ceil(size).max(1) != parts {
        return None;
    }
    Some((0..parts).map(|part| size.min(length - part * size)).collect())
}

/// The number of parts in a composite ETag.
fn part_count(etag: &str) -> Option<u64> {
    let (digest, parts) = etag.split_once('-')?;
    parts.parse().ok().filter(|parts| (1..=MAX_PARTS).contains(parts) && is_md5(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3cmd_client::checksum::{Algorithm, Checksum, Hasher};
    use s3cmd_client::digest::{Digest, Md5};
    use s3cmd_client::ops::multipart::composite_etag;
    use std::io::Write;

    #[test]
    fn the_number_of_parts_is_read_from_the_etag() {
        assert_eq!(part_count("d41d8cd98f00b204e9800998ecf8427e-12"), Some(12));
        for etag in ["d41d8cd98f00b204e9800998ecf8427e", "x-1", "d41d8cd98f00b204e9800998ecf8427e-0", ""] {
            assert_eq!(part_count(etag), None, "{etag}");
        }
    }

    #[test]
    fn even_parts_must_give_the_number_of_parts() {
        assert_eq!(even_parts(25, 10, 3), Some(vec![10, 10, 5]));
        assert_eq!(even_parts(20, 10, 2), Some(vec![10, 10]));
        assert_eq!(even_parts(0, 10, 1), Some(vec![0]));
        assert_eq!(even_parts(25, 10, 2), None);
        assert_eq!(even_parts(25, 0, 1), None);
    }

    #[tokio::test]
    async fn composite_values_depend_on_the_part_sizes() {
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
            let stored = Checksum::of_parts(parts).unwrap().to_string();
            let claim = Claim { kind: Kind::Checksum(algorithm), stored, parts: 3 };
            assert!(claim.agrees(&claim.compute(&file, &right).await.unwrap()));
            assert!(!claim.agrees(&claim.compute(&file, &wrong).await.unwrap()));
        }
        let digests: Vec<String> =
            content.chunks(300_000).map(|part| hex::encode(Md5::digest(part))).collect();
        let stored = composite_etag(digests.iter().map(String::as_str)).unwrap();
        let claim = Claim { kind: Kind::Etag, stored, parts: 3 };
        assert!(claim.agrees(&claim.compute(&file, &right).await.unwrap()));
        assert!(!claim.agrees(&claim.compute(&file, &wrong).await.unwrap()));
    }

    /// A server that only reports the part sizes of an object.
    fn server_with_parts(sizes: &'static [u64]) -> Client {
        use s3cmd_client::endpoint::Endpoint;
        use std::io::{BufRead, BufReader};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines =
                    BufReader::new(stream.try_clone().unwrap()).lines().map_while(|line| line.ok());
                let request = lines.next().unwrap_or_default();
                let _ = lines.find(String::is_empty);
                let number = request.split_once("partNumber=").unwrap().1.split(' ').next().unwrap();
                let size = sizes[number.parse::<usize>().unwrap() - 1];
                let count = sizes.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nx-amz-mp-parts-count: {count}\r\n\
                     Connection: close\r\n\r\n"
                );
            }
        });
        let endpoint = Endpoint::new(&format!("127.0.0.1:{port}"), "", false, false);
        Client::new(s3cmd_client::ClientOptions::new(endpoint, None))
    }

    #[tokio::test]
    async fn uneven_parts_are_compared_with_their_reported_sizes() {
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
            // With and without a size that the uploader stored: the server's report decides in the end.
            for stored in [None, Some("4"), Some("2")] {
                for (etag, good) in [(&right, true), (&wrong, false)] {
                    let client = server_with_parts(sizes);
                    let header = |name: &str| {
                        stored.filter(|_| name == crate::transfer::file_attributes::PART_SIZE_HEADER)
                    };
                    let object = Remote::new(9, etag.clone(), header);
                    let compared = verify(&client, &uri, &object, &file, true).await;
                    let proved = matches!(compared, Ok(Compared::Proved(Evidence::PartEtags(_))));
                    assert_eq!((compared.is_ok(), proved), (good, good), "{sizes:?} {stored:?} {compared:?}");
                    // Content that arrives only once is compared in the same way, on the second attempt if not on the
                    // first.
                    let mut streamed = Err(Error::Integrity(String::new()));
                    for exactly in [false, true] {
                        if streamed.is_err() {
                            let mut candidates = prepare(&client, &uri, &object, exactly).await.unwrap();
                            candidates.update(content);
                            streamed = candidates.finish();
                        }
                    }
                    let proved = matches!(streamed, Ok(Compared::Proved(Evidence::PartEtags(_))));
                    assert_eq!((streamed.is_ok(), proved), (good, good), "{sizes:?} {stored:?} {streamed:?}");
                }
            }
        }
    }
}
