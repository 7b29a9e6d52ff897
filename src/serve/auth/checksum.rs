//! `x-amz-checksum-*`: checksums that a client states of a body, in a header or in the trailer of a chunked body.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use crate::serve::error::{S3Error, S3Result, fail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256};

const PREFIX: &str = "x-amz-checksum-";

/// The tables of a reflected CRC, eight bytes at a time.
struct Tables([[u64; 256]; 8]);

impl Tables {
    const fn new(polynomial: u64) -> Self {
        let mut tables = [[0_u64; 256]; 8];
        let mut byte = 0;
        while byte < 256 {
            let mut crc = byte as u64;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 };
                bit += 1;
            }
            tables[0][byte] = crc;
            byte += 1;
        }
        let mut row = 1;
        while row < 8 {
            let mut byte = 0;
            while byte < 256 {
                let before = tables[row - 1][byte];
                tables[row][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
                byte += 1;
            }
            row += 1;
        }
        Self(tables)
    }

    fn update(&self, mut crc: u64, bytes: &[u8]) -> u64 {
        let (eights, rest) = bytes.as_chunks::<8>();
        for eight in eights {
            let mixed = (crc ^ u64::from_le_bytes(*eight)).to_le_bytes();
            crc = (0..8).fold(0, |crc, at| crc ^ self.0[7 - at][usize::from(mixed[at])]);
        }
        for byte in rest {
            crc = (crc >> 8) ^ self.0[0][usize::from((crc as u8) ^ byte)];
        }
        crc
    }
}

static CRC32: Tables = Tables::new(0xedb8_8320);
static CRC32C: Tables = Tables::new(0x82f6_3b78);
static CRC64NVME: Tables = Tables::new(0x9a6c_9329_ac4b_c9b5);

enum Hasher {
    /// Tables, state, and length of the result in bytes.
    Crc(&'static Tables, u64, usize),
    Sha1(Sha1),
    Sha256(Sha256),
}

/// A checksum being computed, with what the client said it would be.
pub(crate) struct Checksum {
    name: String,
    hasher: Hasher,
    /// `None`: the trailer will say.
    wanted: Option<String>,
}

impl std::fmt::Debug for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checksum")
            .field("name", &self.name)
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

impl Checksum {
    /// The checksum that a request's headers (lower-case names) state or announce.
    pub(crate) fn of(headers: &[(String, String)]) -> S3Result<Option<Self>> {
        let stated: Vec<&(String, String)> = headers
            .iter()
            .filter(|(name, _)| {
                name.starts_with(PREFIX) && !matches!(&name[PREFIX.len()..], "algorithm" | "type" | "mode")
            })
            .collect();
        let announced =
            headers.iter().find(|(name, _)| name == "x-amz-trailer").map(|(_, value)| value.trim());
        match (stated.as_slice(), announced) {
            ([], None) => Ok(None),
            ([(name, value)], None) => Self::new(name, Some(value.clone())).map(Some),
            ([], Some(name)) if name.to_ascii_lowercase().starts_with(PREFIX) => {
                Self::new(&name.to_ascii_lowercase(), None).map(Some)
            }
            ([], Some(_)) => {
                fail("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
            }
            _ => fail("InvalidRequest", "Expecting a single x-amz-checksum- header"),
        }
    }

    fn new(name: &str, wanted: Option<String>) -> S3Result<Self> {
        let hasher = match &name[PREFIX.len()..] {
            "crc32" => Hasher::Crc(&CRC32, 0xffff_ffff, 4),
            "crc32c" => Hasher::Crc(&CRC32C, 0xffff_ffff, 4),
            "crc64nvme" => Hasher::Crc(&CRC64NVME, u64::MAX, 8),
            "sha1" => Hasher::Sha1(Sha1::new()),
            "sha256" => Hasher::Sha256(Sha256::new()),
            _ => return Err(crate::serve::error::not_implemented(&format!("The checksum of {name}"))),
        };
        Ok(Self { name: name.to_owned(), hasher, wanted })
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.hasher {
            Hasher::Crc(tables, crc, _) => *crc = tables.update(*crc, bytes),
            Hasher::Sha1(sha1) => sha1.update(bytes),
            Hasher::Sha256(sha256) => sha256.update(bytes),
        }
    }

    fn digest(self) -> Vec<u8> {
        match self.hasher {
            Hasher::Crc(_, crc, length) => (!crc).to_be_bytes()[8 - length..].to_vec(),
            Hasher::Sha1(sha1) => sha1.finalize().to_vec(),
            Hasher::Sha256(sha256) => sha256.finalize().to_vec(),
        }
    }

    /// Compares; `trailers` are those that came after the body.
    pub(crate) fn finish(self, trailers: &[(String, String)]) -> S3Result<()> {
        let name = self.name.clone();
        let in_trailer = || trailers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone());
        let Some(wanted) = self.wanted.clone().or_else(in_trailer) else {
            return fail(
                "MalformedTrailerError",
                "The request contained trailing data that was not well-formed or did not conform to our published schema.",
            );
        };
        let digest = self.digest();
        match BASE64_STANDARD.decode(wanted.trim()) {
            Ok(wanted) if wanted == digest => Ok(()),
            Ok(wanted) if wanted.len() == digest.len() => Err(S3Error::new(
                "BadDigest",
                format!(
                    "The {} you specified did not match the calculated checksum.",
                    name[PREFIX.len()..].to_uppercase()
                ),
            )),
            _ => fail("InvalidRequest", format!("Value for {name} header is invalid.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, bytes: &[u8]) -> String {
        let mut checksum = Checksum::new(&format!("{PREFIX}{name}"), None).unwrap();
        for piece in bytes.chunks(5) {
            checksum.update(piece);
        }
        hex::encode(checksum.digest())
    }

    /// The check values of the published CRC catalogues: the CRC of the nine digits.
    #[test]
    fn checksums_are_the_published_ones() {
        assert_eq!(of("crc32", b"123456789"), "cbf43926");
        assert_eq!(of("crc32c", b"123456789"), "e3069283");
        assert_eq!(of("crc64nvme", b"123456789"), "ae8b14860a799888");
        assert_eq!(of("sha1", b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(of("crc32", b""), "00000000");
        let long: Vec<u8> = (0..=255).collect();
        let mut whole = Checksum::new("x-amz-checksum-crc32", None).unwrap();
        whole.update(&long);
        assert_eq!(hex::encode(whole.digest()), of("crc32", &long));
    }

    #[test]
    fn a_stated_checksum_must_be_right_and_alone() {
        let of = |headers: &[(&str, &str)]| {
            let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let mut checksum = Checksum::of(&headers).map_err(|error| error.code)?.ok_or("none")?;
            checksum.update(b"123456789");
            checksum.finish(&[]).map_err(|error| error.code)
        };
        assert_eq!(of(&[("x-amz-checksum-crc32", "y/Q5Jg==")]), Ok(()));
        assert_eq!(of(&[("x-amz-checksum-crc32", "y/Q5Jw==")]), Err("BadDigest"));
        assert_eq!(of(&[("x-amz-checksum-crc32", "nonsense")]), Err("InvalidRequest"));
        assert_eq!(of(&[("x-amz-checksum-crc99", "y/Q5Jg==")]), Err("NotImplemented"));
        assert_eq!(of(&[("x-amz-checksum-crc32", "a"), ("x-amz-checksum-sha1", "b")]), Err("InvalidRequest"));
        assert_eq!(of(&[("x-amz-trailer", "x-amz-checksum-crc32")]), Err("MalformedTrailerError"));
        assert_eq!(of(&[("x-amz-checksum-algorithm", "CRC32")]), Err("none"));
    }
}
