//! `x-amz-checksum-*`: checksums that a client states of a body, in a header or in the trailer of a chunked body.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use crate::model::checksum::parse_algorithm;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use s3cmd_client::checksum;
use s3cmd_client::checksum::{Algorithm, Hasher, PREFIX};

/// What the client states of the checksum.
#[derive(Clone, Debug)]
enum Expected {
    /// This value, in base64.
    Value(String),
    /// The value in the trailer.
    InTrailer,
    /// Nothing: the server computes it for itself.
    Unstated,
}

/// A checksum being computed, with what the client said it would be.
pub(crate) struct BodyChecksum {
    pub(crate) algorithm: Algorithm,
    hasher: Hasher,
    expected: Expected,
}

impl std::fmt::Debug for BodyChecksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodyChecksum")
            .field("algorithm", &self.algorithm)
            .field("wanted", &self.expected)
            .finish_non_exhaustive()
    }
}

impl BodyChecksum {
    /// The checksum that a request's headers (lower-case names) state or announce.
    pub(crate) fn of(headers: &[(String, String)]) -> S3Result<Option<Self>> {
        let stated: Vec<(&str, &String)> = headers
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value)))
            .filter(|(name, _)| !matches!(*name, "algorithm" | "type" | "mode"))
            .collect();
        let of_name = |name: &str| {
            headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.trim().to_ascii_lowercase())
        };
        let announced = of_name("x-amz-trailer");
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
        match (of_name("x-amz-sdk-checksum-algorithm").filter(|name| !name.is_empty()), &checksum) {
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

    /// A sum of which nothing was said, for the server's own use.
    pub(crate) fn own(algorithm: Algorithm) -> Self {
        Self { algorithm, hasher: Hasher::new(algorithm), expected: Expected::Unstated }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Compares and returns the sum; `trailers` are those that came after the body.
    pub(crate) fn finish(self, trailers: &[(String, String)]) -> S3Result<checksum::Checksum> {
        let algorithm = self.algorithm;
        let header = algorithm.header();
        let expected = match self.expected {
            Expected::Unstated => return Ok(self.hasher.finish()),
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
        let sum = self.hasher.finish();
        match checksum::Checksum::parse(algorithm, &expected) {
            Some(expected) if expected == sum => Ok(sum),
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
    fn a_stated_checksum_must_be_right_and_alone() {
        let of = |headers: &[(&str, &str)]| {
            let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let mut checksum =
                BodyChecksum::of(&headers).map_err(|error| error.code.as_str())?.ok_or("none")?;
            checksum.update(b"123456789");
            checksum.finish(&[]).map(drop).map_err(|error| error.code.as_str())
        };
        let sdk = "x-amz-sdk-checksum-algorithm";
        assert_eq!(of(&[("x-amz-checksum-crc32", "y/Q5Jg==")]), Ok(()));
        assert_eq!(of(&[("x-amz-checksum-crc32", "y/Q5Jw==")]), Err("BadDigest"));
        assert_eq!(of(&[("x-amz-checksum-crc32", "nonsense")]), Err("BadDigest"));
        assert_eq!(of(&[("x-amz-checksum-crc99", "y/Q5Jg==")]), Err("NotImplemented"));
        assert_eq!(of(&[("x-amz-checksum-crc32", "a"), ("x-amz-checksum-sha1", "b")]), Err("InvalidRequest"));
        assert_eq!(of(&[("x-amz-trailer", "x-amz-checksum-crc32")]), Err("MalformedTrailerError"));
        assert_eq!(of(&[("x-amz-checksum-algorithm", "CRC32")]), Err("none"));
        assert_eq!(of(&[("x-amz-checksum-crc32", "y/Q5Jg=="), (sdk, "CRC32")]), Ok(()));
        assert_eq!(of(&[("x-amz-checksum-crc32", "y/Q5Jg=="), (sdk, "SHA1")]), Err("InvalidRequest"));
        assert_eq!(of(&[(sdk, "CRC32")]), Err("InvalidRequest"));
    }
}
