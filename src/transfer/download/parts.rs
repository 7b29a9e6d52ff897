//! Proof of an object that was uploaded in parts. What the store keeps of it is computed over the digests of its parts: the
//! ETag over their MD5s, a checksum of parts over their checksums. Both can be computed again where the parts' sizes are
//! known: stored by the uploader, told by the server, or (for the ETag) one of the sizes that clients use.
//!
//! A file is read back, its parts side by side ([`verify`]); what cannot be read back is computed as it comes
//! ([`prepare`]).

use super::object::Remote;
use crate::s3::body::{Digests, FileRange, Payload};
use crate::s3::checksum::Stored;
use crate::s3::multipart::{MAX_PARTS, is_md5};
use crate::s3::{Client, Error, Result};
use crate::transfer::composite::{Composite, Kind, Sizes};
use crate::transfer::part_sizes;
use crate::transfer::proof::{Evidence, PartSizes};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use std::fs::File;
use std::sync::Arc;

/// Parts that are asked about at once.
const ASKED: usize = 16;

/// What the comparison of complete content with what the store keeps of its parts came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// It is the object's.
    Proved(Evidence),
    /// There is nothing to compare with.
    Nothing,
    /// There are usual part sizes for it, and none of them gives the ETag; in words.
    Disagrees(String),
}

/// Compares a complete file with what the store says about its parts: their checksums, else their ETags. Parts whose
/// sizes are known must give that. `ask`: whether the server may be asked for the sizes for the sake of the ETag (it is for
/// that of checksums: a server that keeps those knows the sizes, and a question costs less than a guess).
pub(super) async fn verify(
    client: &Client,
    uri: &S3Uri,
    object: &Remote,
    file: &Arc<File>,
    ask: bool,
) -> Result<Compared> {
    let mut compared = Compared::Nothing;
    for claim in Claim::all(object) {
        let ask = ask || claim.kind != Kind::Etag;
        match claim.decide(client, uri, object, file, ask).await? {
            Compared::Nothing => {}
            Compared::Disagrees(text) => compared = Compared::Disagrees(text),
            proved => return Ok(proved),
        }
    }
    Ok(compared)
}

/// What the store keeps, computed over its number of parts.
struct Claim {
    kind: Kind,
    stored: String,
    parts: u64,
}

impl Claim {
    /// The stronger one first.
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
        ask: bool,
    ) -> Result<Compared> {
        let (size, origin) = match object.part_size {
            None if ask => (self.size_of_first(client, uri, object).await?, PartSizes::Told),
            stored => (stored, PartSizes::Stored),
        };
        let mut refuted = None;
        if let Some(even) = size.and_then(|size| cut(object.size, size, self.parts)) {
            let computed = self.compute(file, &even).await?;
            if self.agrees(&computed) {
                return Ok(self.proved(origin));
            }
            // Parts need not be of one size, and a size that the uploader stored may have outlived a copy.
            match self.sizes_of(client, uri, object).await? {
                Some(sizes) if sizes != even => return self.must_agree(file, object, &sizes).await,
                Some(_) => return Err(self.mismatch(&computed)),
                None => refuted = Some(computed),
            }
        } else if size.is_some()
            && ask
            // The first part's size says nothing about the others here, but a server that told it tells theirs, too.
            && let Some(sizes) = self.sizes_of(client, uri, object).await?
        {
            return self.must_agree(file, object, &sizes).await;
        }
        let mut guessed = None;
        for size in self.usual(object) {
            let Some(even) = cut(object.size, size, self.parts) else { continue };
            let computed = self.compute(file, &even).await?;
            if self.agrees(&computed) {
                return Ok(self.proved(PartSizes::Usual));
            }
            guessed = guessed.or(Some(computed));
        }
        match (refuted, guessed) {
            (Some(computed), _) => Err(self.mismatch(&computed)),
            (None, Some(computed)) => Ok(Compared::Disagrees(self.mismatch_text(&computed))),
            (None, None) => Ok(Compared::Nothing),
        }
    }

    /// The sizes that clients use and that give the number of parts. A checksum of parts is not worth a guess: a server that
    /// keeps it knows the sizes.
    fn usual(&self, object: &Remote) -> Vec<u64> {
        match self.kind {
            Kind::Etag => part_sizes::usual(object.size, self.parts, 0),
            Kind::Checksum(_) => Vec::new(),
        }
    }

    /// Compares with the parts that the server told of; nothing if they do not even make up the object.
    async fn must_agree(&self, file: &Arc<File>, object: &Remote, sizes: &[u64]) -> Result<Compared> {
        if sizes.iter().sum::<u64>() != object.size {
            return Ok(Compared::Nothing);
        }
        let computed = self.compute(file, sizes).await?;
        if self.agrees(&computed) { Ok(self.proved(PartSizes::Told)) } else { Err(self.mismatch(&computed)) }
    }

    /// What the file's parts give, hashed side by side.
    async fn compute(&self, file: &Arc<File>, sizes: &[u64]) -> Result<String> {
        let wanted = self.kind.wanted();
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
        self.kind.of_parts(&digests).ok_or_else(|| Error::Integrity("a part without a digest".into()))
    }

    async fn size_of_first(&self, client: &Client, uri: &S3Uri, object: &Remote) -> Result<Option<u64>> {
        client.size_of_part(&uri.bucket, &uri.key, &object.etag, 1, self.parts).await
    }

    /// The sizes of all parts, if the server tells them.
    async fn sizes_of(&self, client: &Client, uri: &S3Uri, object: &Remote) -> Result<Option<Vec<u64>>> {
        let sizes = futures::stream::iter(1..=self.parts)
            .map(|part| client.size_of_part(&uri.bucket, &uri.key, &object.etag, part, self.parts))
            .buffered(ASKED)
            // One that it does not tell is enough.
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

/// The computation of what the store keeps of the parts, for content that comes only once: in every way that may be right.
pub(super) struct Streamed {
    claim: Option<Claim>,
    ways: Vec<(PartSizes, Composite)>,
}

/// Finds out how the parts may be cut. `exactly`: asks for the size of every part, where one size for all was not right.
pub(super) async fn prepare(
    client: &Client,
    uri: &S3Uri,
    object: &Remote,
    exactly: bool,
) -> Result<Streamed> {
    for claim in Claim::all(object) {
        let fits = |size: u64| cut(object.size, size, claim.parts).is_some();
        let first = match object.part_size {
            Some(size) if !exactly && fits(size) => None,
            _ => claim.size_of_first(client, uri, object).await?,
        };
        let (size, origin) = match first {
            Some(_) => (first, PartSizes::Told),
            None => (object.part_size, PartSizes::Stored),
        };
        let even = size.filter(|size| cut(object.size, *size, claim.parts).is_some());
        let mut ways = Vec::new();
        if first.is_some() && (exactly || even.is_none()) {
            let sizes = claim.sizes_of(client, uri, object).await?;
            ways.extend(
                sizes
                    .filter(|sizes| sizes.iter().sum::<u64>() == object.size)
                    .map(|sizes| (PartSizes::Told, Sizes::Each(sizes))),
            );
        }
        if ways.is_empty() {
            ways.extend(even.map(|size| (origin, Sizes::Even(size))));
        }
        if !ways.iter().any(|(origin, _)| *origin == PartSizes::Told) {
            let usual = claim.usual(object).into_iter().filter(|size| Some(*size) != even);
            ways.extend(usual.map(|size| (PartSizes::Usual, Sizes::Even(size))));
        }
        if !ways.is_empty() {
            let kind = claim.kind;
            let ways =
                ways.into_iter().map(|(origin, sizes)| (origin, Composite::new(kind, sizes))).collect();
            return Ok(Streamed { claim: Some(claim), ways });
        }
    }
    Ok(Streamed::nothing())
}

impl Streamed {
    /// For content of which nothing has to be computed here.
    pub(super) fn nothing() -> Self {
        Self { claim: None, ways: Vec::new() }
    }

    /// Whether nothing is computed.
    pub(super) fn is_nothing(&self) -> bool {
        self.ways.is_empty()
    }

    /// Takes the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.ways.iter_mut().for_each(|(_, way)| way.update(bytes));
    }

    /// Compares. An error if the sizes of the parts were known and give something else.
    pub(super) fn finish(self) -> Result<Compared> {
        let Some(claim) = self.claim else { return Ok(Compared::Nothing) };
        let mut first = None;
        for (origin, way) in self.ways {
            let computed = way.finish().unwrap_or_default();
            if claim.agrees(&computed) {
                return Ok(claim.proved(origin));
            }
            first = first.or(Some((origin, computed)));
        }
        match first {
            None => Ok(Compared::Nothing),
            Some((PartSizes::Usual, computed)) => Ok(Compared::Disagrees(claim.mismatch_text(&computed))),
            Some((_, computed)) => Err(claim.mismatch(&computed)),
        }
    }
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
    parts.parse().ok().filter(|parts| (1..=MAX_PARTS).contains(parts) && is_md5(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Digest, Md5};
    use crate::s3::checksum::{Algorithm, Checksum, Hasher};
    use crate::s3::multipart::composite_etag;
    use std::io::Write;

    #[test]
    fn the_number_of_parts_is_read_from_the_etag() {
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
                    "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nx-amz-mp-parts-count: {count}\r\n\
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
                    let compared = verify(&client, &uri, &object, &file, true).await;
                    let proved = matches!(compared, Ok(Compared::Proved(Evidence::PartEtags(_))));
                    assert_eq!((compared.is_ok(), proved), (good, good), "{sizes:?} {stored:?} {compared:?}");
                    // What comes only once is compared likewise, at the second look if not at the first.
                    let mut streamed = Err(Error::Integrity(String::new()));
                    for exactly in [false, true] {
                        if streamed.is_err() {
                            let mut ways = prepare(&client, &uri, &object, exactly).await.unwrap();
                            ways.update(content);
                            streamed = ways.finish();
                        }
                    }
                    let proved = matches!(streamed, Ok(Compared::Proved(Evidence::PartEtags(_))));
                    assert_eq!((streamed.is_ok(), proved), (good, good), "{sizes:?} {stored:?} {streamed:?}");
                }
            }
        }
    }
}
