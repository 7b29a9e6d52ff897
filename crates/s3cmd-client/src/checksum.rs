//! The `x-amz-checksum-*` checksums of S3: the algorithms, how to compute them, and how to combine the checksums of
//! parts into that of the whole object. Client and server share this table. It does no I/O.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::checksum::{Algorithm, Hasher};
//!
//! let mut hasher = Hasher::new(Algorithm::Crc32);
//! hasher.update(b"1234");
//! hasher.update(b"56789");
//! let checksum = hasher.finish();
//! assert_eq!(checksum.to_string(), "y/Q5Jg==");
//! assert_eq!(checksum.algorithm().header(), "x-amz-checksum-crc32");
//! ```

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Response header that says whether the checksum covers the whole content or the checksums of the parts. In a
/// request that creates a multipart upload, it selects one of the two.
pub const TYPE_HEADER: &str = "x-amz-checksum-type";
/// Request header that names the checksum algorithm when a multipart upload is created.
pub const ALGORITHM_HEADER: &str = "x-amz-checksum-algorithm";
/// Request header that asks for the stored checksum in the response (`ENABLED`).
pub const MODE_HEADER: &str = "x-amz-checksum-mode";
const FULL_OBJECT: &str = "FULL_OBJECT";
const COMPOSITE: &str = "COMPOSITE";

/// Common prefix of the headers that carry a checksum.
pub const PREFIX: &str = "x-amz-checksum-";

/// A checksum algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// CRC-64/NVME; always of the whole object.
    Crc64Nvme,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-32, as in zip and Ethernet.
    Crc32,
    /// SHA-256; for multipart objects a checksum of the parts' checksums.
    Sha256,
    /// SHA-1; for multipart objects a checksum of the parts' checksums.
    Sha1,
}

/// The names of one algorithm.
struct Row {
    algorithm: Algorithm,
    /// The name as users write it.
    name: &'static str,
    header: &'static str,
    /// The value of [`ALGORITHM_HEADER`].
    label: &'static str,
    /// The element name in XML documents.
    element: &'static str,
    /// Length of a value in bytes.
    length: usize,
}

macro_rules! rows {
    ($( $algorithm:ident $name:literal $label:literal $length:literal )*) => {
        /// Ordered by cost: if a response carries several checksums, the cheapest one is used.
        const ROWS: &[Row] = &[ $( Row {
            algorithm: Algorithm::$algorithm,
            name: $name,
            header: concat!("x-amz-checksum-", $name),
            label: $label,
            element: concat!("Checksum", $label),
            length: $length,
        }, )* ];
    };
}

rows! {
    Crc64Nvme "crc64nvme" "CRC64NVME" 8
    Crc32c "crc32c" "CRC32C" 4
    Crc32 "crc32" "CRC32" 4
    Sha256 "sha256" "SHA256" 32
    Sha1 "sha1" "SHA1" 20
}

/// The name does not belong to a known algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of crc64nvme, crc32c, crc32, sha256, sha1")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Ignores case.
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let row = ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(text));
        row.map(|row| row.algorithm).ok_or(UnknownAlgorithm)
    }
}

impl Algorithm {
    /// All algorithms.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.algorithm)
    }

    fn row(self) -> &'static Row {
        // The rows have the order of the variants; a test checks that.
        &ROWS[self as usize]
    }

    /// The name as users write it: `crc64nvme`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The header that carries a value: `x-amz-checksum-crc64nvme`.
    pub fn header(self) -> &'static str {
        self.row().header
    }

    /// The name as S3 writes it: `CRC64NVME`.
    pub fn label(self) -> &'static str {
        self.row().label
    }

    /// The XML element that carries a value: `ChecksumCRC64NVME`.
    pub fn element(self) -> &'static str {
        self.row().element
    }

    /// Whether S3 defines this checksum for the whole of a multipart object. That holds for the CRCs, which can be
    /// combined.
    pub fn is_of_whole(self) -> bool {
        self.crc().is_some()
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Algorithm::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Algorithm::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Algorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Algorithm::Sha256 | Algorithm::Sha1 => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A checksum value. Displayed as S3 writes it: base64 of the bytes, most significant byte first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum {
    algorithm: Algorithm,
    bytes: [u8; 32],
}

impl Checksum {
    fn new(algorithm: Algorithm, digest: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes[..digest.len()].copy_from_slice(digest);
        Self { algorithm, bytes }
    }

    /// Makes a checksum from the numeric value of a CRC.
    fn of_crc(algorithm: Algorithm, crc: u64) -> Self {
        Self::new(algorithm, &crc.to_be_bytes()[8 - algorithm.row().length..])
    }

    /// Makes a checksum from the numeric value of a CRC-64/NVME.
    pub fn of_crc64nvme(crc: u64) -> Self {
        Self::of_crc(Algorithm::Crc64Nvme, crc)
    }

    /// Makes a checksum from a SHA-256 digest.
    pub fn of_sha256(digest: [u8; 32]) -> Self {
        Self { algorithm: Algorithm::Sha256, bytes: digest }
    }

    /// Parses the base64 form. Returns `None` if it is invalid or has the wrong length.
    pub fn parse(algorithm: Algorithm, text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text.trim()).ok()?;
        (bytes.len() == algorithm.row().length).then(|| Self::new(algorithm, &bytes))
    }

    /// The algorithm of this checksum.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes of the value.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.row().length]
    }

    /// The checksum of the bytes of `self` followed by `length` bytes that have the checksum `next`. `None` if the
    /// algorithm cannot combine checksums or if the two algorithms differ.
    pub fn then(&self, next: &Self, length: u64) -> Option<Self> {
        let crc = self.algorithm.crc().filter(|_| self.algorithm == next.algorithm)?;
        let number = |value: &Self| value.bytes().iter().fold(0, |crc, byte| crc << 8 | u64::from(*byte));
        let whole = crc_fast::checksum_combine(crc, number(self), number(next), length);
        Some(Self::of_crc(self.algorithm, whole))
    }

    /// The checksum of the whole content, computed from the checksums and lengths of its parts in order. `None` if
    /// the algorithm cannot combine checksums or if there are no parts.
    pub fn of_whole(parts: impl IntoIterator<Item = (Self, u64)>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let first = parts.next().filter(|(part, _)| part.algorithm.is_of_whole())?;
        parts.try_fold(first.0, |whole, (part, length)| whole.then(&part, length))
    }

    /// The checksum of the parts' checksums, in order; `None` if there are no parts.
    pub fn of_parts(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut hasher = None;
        for part in parts {
            hasher.get_or_insert_with(|| Hasher::new(part.algorithm)).update(part.bytes());
        }
        hasher.map(Hasher::finish)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.bytes()))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {self}", self.algorithm)
    }
}

/// Computes a checksum incrementally.
#[derive(Clone, Debug)]
pub struct Hasher(State);

#[derive(Clone, Debug)]
enum State {
    Crc(Algorithm, Crc),
    Sha256(Sha256),
    Sha1(Sha1),
}

impl Hasher {
    /// Starts a computation.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match (algorithm.crc(), algorithm) {
            (Some(crc), _) => State::Crc(algorithm, Crc::new(crc)),
            (None, Algorithm::Sha1) => State::Sha1(Sha1::new()),
            (None, _) => State::Sha256(Sha256::new()),
        })
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Crc(_, crc) => crc.update(bytes),
            State::Sha256(sha256) => sha256.update(bytes),
            State::Sha1(sha1) => sha1.update(bytes),
        }
    }

    /// Returns the checksum of all bytes added.
    pub fn finish(self) -> Checksum {
        match self.0 {
            State::Crc(algorithm, crc) => Checksum::of_crc(algorithm, crc.finalize()),
            State::Sha256(sha256) => Checksum::of_sha256(sha256.finalize().into()),
            State::Sha1(sha1) => Checksum::new(Algorithm::Sha1, &sha1.finalize()),
        }
    }
}

/// The checksum algorithm and type of a multipart upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadChecksum {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Whether the object gets the checksum of its whole content, rather than one of the parts' checksums.
    pub whole: bool,
}

impl UploadChecksum {
    /// The settings for a new upload: the checksum of the whole object if S3 defines one for the algorithm.
    pub fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, whole: algorithm.is_of_whole() }
    }

    /// Parses the names in a `ListParts` response. Returns `None` if the algorithm is unknown. If the type is empty,
    /// the checksum is one of parts, as it was before S3 introduced types; CRC-64/NVME is always of the whole object.
    pub fn named(algorithm: &str, kind: &str) -> Option<Self> {
        let algorithm = algorithm.parse().ok()?;
        let whole = kind == FULL_OBJECT || kind.is_empty() && algorithm == Algorithm::Crc64Nvme;
        Some(Self { algorithm, whole })
    }

    /// The value of [`TYPE_HEADER`].
    pub fn kind(self) -> &'static str {
        if self.whole { FULL_OBJECT } else { COMPOSITE }
    }

    /// The headers for creating the multipart upload.
    pub fn headers(self) -> [(String, String); 2] {
        [
            (ALGORITHM_HEADER.to_owned(), self.algorithm.label().to_owned()),
            (TYPE_HEADER.to_owned(), self.kind().to_owned()),
        ]
    }
}

/// The checksum of an object as reported by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The checksum of the whole content (`FULL_OBJECT`).
    Whole(Checksum),
    /// A checksum of the checksums of the parts (`COMPOSITE`), with the number of parts.
    Parts(Checksum, u64),
}

impl Stored {
    /// Reads the headers of a response; `header` returns a header's value by its lower-case name. A checksum of parts
    /// ends in `-` and the number of parts; this also holds for servers that do not send [`TYPE_HEADER`].
    pub fn of<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let of_parts = header(TYPE_HEADER).is_some_and(|kind| kind.trim().eq_ignore_ascii_case(COMPOSITE));
        Algorithm::all().find_map(|algorithm| {
            let text = header(algorithm.header())?.trim();
            match text.rsplit_once('-') {
                Some((checksum, parts)) => {
                    let parts = parts.parse().ok().filter(|parts| *parts > 0)?;
                    Some(Stored::Parts(Checksum::parse(algorithm, checksum)?, parts))
                }
                // Without the number of parts, the part boundaries cannot be determined.
                None if of_parts => None,
                None => Checksum::parse(algorithm, text).map(Stored::Whole),
            }
        })
    }

    /// The checksum value, without the number of parts.
    pub fn checksum(self) -> Checksum {
        match self {
            Stored::Whole(checksum) | Stored::Parts(checksum, _) => checksum,
        }
    }

    /// The checksum of the whole content; `None` for a checksum of parts.
    pub fn whole(self) -> Option<Checksum> {
        match self {
            Stored::Whole(checksum) => Some(checksum),
            Stored::Parts(..) => None,
        }
    }
}

/// As S3 writes it in headers: a checksum of parts is followed by the number of parts.
impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stored::Whole(checksum) => write!(f, "{checksum}"),
            Stored::Parts(checksum, parts) => write!(f, "{checksum}-{parts}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
        let mut hasher = Hasher::new(algorithm);
        bytes.chunks(5).for_each(|piece| hasher.update(piece));
        hasher.finish()
    }

    /// The check values of the published CRC catalogues (the CRC of the nine digits) and of FIPS 180.
    #[test]
    fn checksums_match_the_published_values() {
        let hex_of = |algorithm, bytes: &[u8]| hex::encode(of(algorithm, bytes).bytes());
        assert_eq!(hex_of(Algorithm::Crc32, b"123456789"), "cbf43926");
        assert_eq!(hex_of(Algorithm::Crc32c, b"123456789"), "e3069283");
        assert_eq!(hex_of(Algorithm::Crc64Nvme, b"123456789"), "ae8b14860a799888");
        assert_eq!(hex_of(Algorithm::Sha1, b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            hex_of(Algorithm::Sha256, b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(hex_of(Algorithm::Crc32, b""), "00000000");
        assert_eq!(of(Algorithm::Crc32, b"123456789").to_string(), "y/Q5Jg==");
    }

    #[test]
    fn algorithm_names_ignore_case() {
        for algorithm in Algorithm::all() {
            assert_eq!(algorithm.row().algorithm, algorithm, "the order of the rows");
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
            assert_eq!(algorithm.label().parse(), Ok(algorithm));
            assert_eq!(of(algorithm, b"").bytes().len(), algorithm.row().length);
        }
        assert_eq!("md5".parse::<Algorithm>(), Err(UnknownAlgorithm));
        assert_eq!("".parse::<Algorithm>(), Err(UnknownAlgorithm));
        assert_eq!(Algorithm::Crc32c.element(), "ChecksumCRC32C");
    }

    #[test]
    fn crcs_of_parts_combine_to_that_of_the_whole() {
        let content: Vec<u8> = (0..100_000u32).map(|i| (i * 7 % 251) as u8).collect();
        for algorithm in Algorithm::all() {
            for size in [7_777, 33_000, 50_000, 99_999, 100_000, 200_000] {
                let parts = content.chunks(size).map(|part| (of(algorithm, part), part.len() as u64));
                let whole = algorithm.is_of_whole().then(|| of(algorithm, &content));
                assert_eq!(Checksum::of_whole(parts), whole, "{algorithm} in parts of {size}");
            }
        }
        assert_eq!(Checksum::of_whole([]), None);
        let (a, b) = (of(Algorithm::Crc32, b"a"), of(Algorithm::Crc32c, b"b"));
        assert_eq!(Checksum::of_whole([(a, 1), (b, 1)]), None);
        assert_eq!(a.then(&of(Algorithm::Crc32, b""), 0), Some(a), "an empty part changes nothing");
    }

    #[test]
    fn a_composite_checksum_is_that_of_the_part_checksums() {
        let parts = [of(Algorithm::Sha1, b"a"), of(Algorithm::Sha1, b"b")];
        let bytes = [parts[0].bytes(), parts[1].bytes()].concat();
        assert_eq!(Checksum::of_parts(parts), Some(of(Algorithm::Sha1, &bytes)));
        assert_eq!(Checksum::of_parts([]), None);
    }

    #[test]
    fn headers_distinguish_full_object_and_composite_checksums() {
        let read = |headers: &[(&str, &'static str)]| {
            Stored::of(|name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
        };
        let crc = of(Algorithm::Crc32, b"123456789");
        let header = Algorithm::Crc32.header();
        assert_eq!(read(&[(header, "y/Q5Jg==")]), Some(Stored::Whole(crc)));
        assert_eq!(read(&[(header, "y/Q5Jg=="), (TYPE_HEADER, "FULL_OBJECT")]), Some(Stored::Whole(crc)));
        assert_eq!(read(&[(header, "y/Q5Jg==-3"), (TYPE_HEADER, "COMPOSITE")]), Some(Stored::Parts(crc, 3)));
        assert_eq!(read(&[(header, "y/Q5Jg==-3")]).map(|stored| stored.to_string()).unwrap(), "y/Q5Jg==-3");
        for wrong in ["y/Q5Jg==-0", "y/Q5Jg==-x", "y/Q5", "", "-1"] {
            assert_eq!(read(&[(header, wrong)]), None, "{wrong}");
        }
        assert_eq!(read(&[(header, "y/Q5Jg=="), (TYPE_HEADER, "COMPOSITE")]), None);
        assert_eq!(read(&[]), None);
    }
}
