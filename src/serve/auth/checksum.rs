//! `x-amz-checksum-*`: checksums that a client states of a body, in a header or in the trailer of a chunked body.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use crate::s3::checksum::{self, Algorithm, Hasher, PREFIX};
use crate::serve::error::{S3Error, S3Result, fail};

/// A checksum being computed, with what the client said it would be.
pub(crate) struct Checksum {
    algorithm: Algorithm,
    hasher: Hasher,
    /// `None`: the trailer will say.
    wanted: Option<String>,
}

impl std::fmt::Debug for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checksum")
            .field("algorithm", &self.algorithm)
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
        let algorithm = Algorithm::of_header(name)
            .ok_or_else(|| crate::serve::error::not_implemented(&format!("The checksum of {name}")))?;
        Ok(Self { algorithm, hasher: Hasher::new(algorithm), wanted })
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Compares; `trailers` are those that came after the body.
    pub(crate) fn finish(self, trailers: &[(String, String)]) -> S3Result<()> {
        let name = self.algorithm.header();
        let in_trailer = || trailers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        let Some(wanted) = self.wanted.or_else(in_trailer) else {
            return fail(
                "MalformedTrailerError",
                "The request contained trailing data that was not well-formed or did not conform to our published schema.",
            );
        };
        match checksum::Checksum::parse(self.algorithm, &wanted) {
            Some(wanted) if wanted == self.hasher.finish() => Ok(()),
            Some(_) => Err(S3Error::new(
                "BadDigest",
                format!("The {} you specified did not match the calculated checksum.", self.algorithm),
            )),
            None => fail("InvalidRequest", format!("Value for {name} header is invalid.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
