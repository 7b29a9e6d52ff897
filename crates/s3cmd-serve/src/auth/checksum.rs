//! `x-amz-checksum-*`: checksums of a body that the client sends, in a header or in the trailer of a chunked body.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use crate::model::checksum::parse_algorithm;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use s3cmd_client::checksum;
use s3cmd_client::checksum::{Algorithm, Hasher, PREFIX};

/// The checksum that the client sent.
#[derive(Clone, Debug)]
enum Expected {
    /// This value, in base64.
    Value(String),
    /// The value in the trailer.
    InTrailer,
    /// None: the server computes the checksum for its own use.
    Absent,
}

/// A checksum being computed, with the value that the client expects.
pub(crate) struct BodyChecksum {
    pub(crate) algorithm: Algorithm,
    hasher: Hasher,
    expected: Expected,
}

impl std::fmt::Debug for BodyChecksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodyChecksum")
            .field("algorithm", &self.algorithm)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

impl BodyChecksum {
    /// The checksum that a request's headers (lower-case names) contain or announce; `None` if there is none.
    /// InvalidRequest for several or contradictory ones.
    pub(crate) fn of(headers: &[(String, String)]) -> S3Result<Option<Self>> {
        let stated: Vec<(&str, &String)> = headers
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value)))
            .filter(|(name, _)| !matches!(*name, "algorithm" | "type" | "mode"))
            .collect();
        let header = |name: &str| {
            headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.trim().to_ascii_lowercase())
        };
        let announced = header("x-amz-trailer");
        let checksum = match (stated.as_slice(), announced) {
            ([], None) => None,
            ([(name, value)], None) => Some(Self::new(name, Expected::Value((*value).clone()))?),
            ([], Some(name)) => match name.strip_prefix(PREFIX) {
                Some(name) => Some(Self::new(name, Expected::InTrailer)?),
                None => {
                    return fail(
                        ErrorCode::InvalidRequest,
                        "The value specified in the x-amz-trailer header is not supported",
                    );
                }
            },
            _ => return fail(ErrorCode::InvalidRequest, "Expecting a single x-amz-checksum- header"),
        };
        match (header("x-amz-sdk-checksum-algorithm").filter(|name| !name.is_empty()), &checksum) {
            (Some(_), None) => fail(
                ErrorCode::InvalidRequest,
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers \
                 were found.",
            ),
            (Some(name), Some(checksum)) if parse_algorithm(&name)? != checksum.algorithm => {
                fail(ErrorCode::InvalidRequest, "Value for x-amz-sdk-checksum-algorithm header is invalid.")
            }
            _ => Ok(checksum),
        }
    }

    fn new(name: &str, expected: Expected) -> S3Result<Self> {
        let algorithm = parse_algorithm(name)?;
        Ok(Self { algorithm, hasher: Hasher::new(algorithm), expected })
    }

    /// A checksum without an expected value, for the server's own use.
    pub(crate) fn without_expected(algorithm: Algorithm) -> Self {
        Self { algorithm, hasher: Hasher::new(algorithm), expected: Expected::Absent }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Returns the checksum after comparing it with the expected one, which may be in `trailers`. BadDigest if they
    /// differ.
    pub(crate) fn finish(self, trailers: &[(String, String)]) -> S3Result<checksum::Checksum> {
        let algorithm = self.algorithm;
        let header = algorithm.header();
        let expected = match self.expected {
            Expected::Absent => return Ok(self.hasher.finish()),
            Expected::Value(expected) => expected,
            Expected::InTrailer => match trailers.iter().find(|(name, _)| name == header) {
                Some((_, value)) => value.clone(),
                None => {
                    return fail(
                        ErrorCode::MalformedTrailerError,
                        "The request contained trailing data that was not well-formed or did not conform to our published \
                         schema.",
                    );
                }
            },
        };
        let computed = self.hasher.finish();
        match checksum::Checksum::parse(algorithm, &expected) {
            Some(expected) if expected == computed => Ok(computed),
            Some(_) => Err(S3Error::new(
                ErrorCode::BadDigest,
                format!("The {algorithm} you specified did not match the calculated checksum."),
            )),
            None => fail(ErrorCode::BadDigest, format!("Value for {header} header is invalid.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_may_have_one_checksum_which_must_match() {
        let verify = |headers: &[(&str, &str)]| {
            let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let mut checksum =
                BodyChecksum::of(&headers).map_err(|error| error.code.as_str())?.ok_or("none")?;
            checksum.update(b"123456789");
            checksum.finish(&[]).map(drop).map_err(|error| error.code.as_str())
        };
        let sdk = "x-amz-sdk-checksum-algorithm";
        assert_eq!(verify(&[("x-amz-checksum-crc32", "y/Q5Jg==")]), Ok(()));
        assert_eq!(verify(&[("x-amz-checksum-crc32", "y/Q5Jw==")]), Err("BadDigest"));
        assert_eq!(verify(&[("x-amz-checksum-crc32", "nonsense")]), Err("BadDigest"));
        assert_eq!(verify(&[("x-amz-checksum-crc99", "y/Q5Jg==")]), Err("NotImplemented"));
        assert_eq!(
            verify(&[("x-amz-checksum-crc32", "a"), ("x-amz-checksum-sha1", "b")]),
            Err("InvalidRequest")
        );
        assert_eq!(verify(&[("x-amz-trailer", "x-amz-checksum-crc32")]), Err("MalformedTrailerError"));
        assert_eq!(verify(&[("x-amz-checksum-algorithm", "CRC32")]), Err("none"));
        assert_eq!(verify(&[("x-amz-checksum-crc32", "y/Q5Jg=="), (sdk, "CRC32")]), Ok(()));
        assert_eq!(verify(&[("x-amz-checksum-crc32", "y/Q5Jg=="), (sdk, "SHA1")]), Err("InvalidRequest"));
        assert_eq!(verify(&[(sdk, "CRC32")]), Err("InvalidRequest"));
    }
}
