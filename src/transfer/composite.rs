//! Composite values that stores keep for multipart objects, computed while the bytes arrive: the ETag over the MD5s of
//! the parts, or the checksum of the part checksums.

use s3cmd_client::checksum::{Algorithm, Checksum};
use s3cmd_client::http::body::{DigestKinds, Digests, Hasher};
use s3cmd_client::ops::multipart::composite_etag;

/// Which composite value is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The ETag, with the number of parts as its suffix.
    Etag,
    /// The checksum of the part checksums, without the number of parts.
    Checksum(Algorithm),
}

impl Kind {
    /// The digests that are needed of each part.
    pub(crate) fn required_digests(self) -> DigestKinds {
        match self {
            Kind::Etag => DigestKinds { md5: true, ..DigestKinds::default() },
            Kind::Checksum(algorithm) => DigestKinds { checksum: Some(algorithm), ..DigestKinds::default() },
        }
    }

    /// Combines the digests of the parts. Returns `None` if one of them is missing.
    pub(crate) fn of_parts(self, digests: &[Digests]) -> Option<String> {
        match self {
            Kind::Etag => {
                let hex: Option<Vec<String>> =
                    digests.iter().map(|digests| digests.md5.map(hex::encode)).collect();
                composite_etag(hex?.iter().map(String::as_str))
            }
            Kind::Checksum(_) => {
                let sums: Option<Vec<Checksum>> = digests.iter().map(|digests| digests.checksum).collect();
                Checksum::of_parts(sums?).map(|sum| sum.to_string())
            }
        }
    }
}

/// The sizes of the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// All parts have this size in bytes, except for the last one, which may be smaller.
    Even(u64),
    /// The size of each part in bytes, in order.
    Each(Vec<u64>),
}

impl Sizes {
    /// One candidate for each of these part sizes.
    pub(crate) fn of(sizes: &[u64]) -> Vec<Self> {
        sizes.iter().map(|&size| Sizes::Even(size)).collect()
    }
}

/// The running computation of a composite value for one set of part sizes.
#[derive(Clone, Debug)]
pub(crate) struct Composite {
    kind: Kind,
    sizes: Sizes,
    part: Hasher,
    filled: u64,
    done: Vec<Digests>,
}

impl Composite {
    /// Starts a computation.
    pub(crate) fn new(kind: Kind, sizes: Sizes) -> Self {
        Self { kind, sizes, part: Hasher::new(kind.required_digests()), filled: 0, done: Vec::new() }
    }

    /// Adds the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let size = match &self.sizes {
                Sizes::Even(size) => (*size).max(1),
                // Bytes beyond the last part lengthen it, so that the result differs.
                Sizes::Each(sizes) => sizes.get(self.done.len()).copied().unwrap_or(u64::MAX),
            };
            let room = size.saturating_sub(self.filled).min(rest.len() as u64);
            let (now, later) = rest.split_at(room as usize);
            self.part.update(now);
            self.filled += room;
            rest = later;
            if self.filled >= size {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        let part = std::mem::replace(&mut self.part, Hasher::new(self.kind.required_digests()));
        self.done.push(part.finish());
        self.filled = 0;
    }

    /// Returns the composite value of all bytes added.
    pub(crate) fn finish(mut self) -> Option<String> {
        if self.filled > 0 || self.done.is_empty() {
            self.close();
        }
        self.kind.of_parts(&self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3cmd_client::digest::{Digest, Md5};

    #[test]
    fn the_result_does_not_depend_on_the_chunk_size() {
        let content: Vec<u8> = (0..100_003u32).map(|i| (i % 251) as u8).collect();
        let computed = |sizes: Sizes, step: usize| {
            let mut composite = Composite::new(Kind::Etag, sizes);
            content.chunks(step).for_each(|piece| composite.update(piece));
            composite.finish().unwrap()
        };
        let digests: Vec<String> =
            content.chunks(30_000).map(|part| hex::encode(Md5::digest(part))).collect();
        let expected = composite_etag(digests.iter().map(String::as_str)).unwrap();
        for step in [1, 7_001, 30_000, 200_000] {
            assert_eq!(computed(Sizes::Even(30_000), step), expected);
            assert_eq!(computed(Sizes::Each(vec![30_000, 30_000, 30_000, 10_003]), step), expected);
            assert_ne!(computed(Sizes::Even(30_001), step), expected);
            assert_ne!(computed(Sizes::Each(vec![30_000, 30_000, 30_003, 10_000]), step), expected);
        }
        assert_eq!(Composite::new(Kind::Etag, Sizes::Even(5)).finish().unwrap(), {
            let nothing = hex::encode(Md5::digest(b""));
            composite_etag([nothing.as_str()]).unwrap()
        });
        for algorithm in Algorithm::all() {
            let mut composite = Composite::new(Kind::Checksum(algorithm), Sizes::Even(30_000));
            composite.update(&content);
            let sums = content.chunks(30_000).map(|part| {
                let mut hasher = s3cmd_client::checksum::Hasher::new(algorithm);
                hasher.update(part);
                hasher.finish()
            });
            assert_eq!(composite.finish(), Checksum::of_parts(sums).map(|sum| sum.to_string()));
        }
    }
}
