//! The additional checksum of an object (besides its ETag): how it is stored, and how multipart uploads compute it.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use super::error::{ErrorCode, S3Error, S3Result, fail, not_implemented};
use s3cmd_client::checksum::{Algorithm, Checksum, TYPE_HEADER};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Parses the name of an algorithm in a request. S3 has more algorithms than this server; those are NotImplemented.
pub(crate) fn parse_algorithm(name: &str) -> S3Result<Algorithm> {
    name.trim().parse().map_err(|_| not_implemented(&format!("The checksum algorithm {}", name.trim())))
}

/// Serializes algorithms under S3's names.
mod label {
    use super::{Algorithm, Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(algorithm: &Algorithm, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(algorithm.label())
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Algorithm, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What the checksum of an object covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ChecksumType {
    /// The object's content.
    #[serde(rename = "FULL_OBJECT")]
    FullObject,
    /// The checksums of its parts; their number is appended.
    #[serde(rename = "COMPOSITE")]
    Composite,
}

impl ChecksumType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }
}

/// The checksum that a multipart upload will have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChecksumSpec {
    #[serde(with = "label")]
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: ChecksumType,
}

impl ChecksumSpec {
    /// S3's default.
    pub(crate) const DEFAULT: Self = Self { algorithm: Algorithm::Crc64Nvme, kind: ChecksumType::FullObject };

    /// The checksum that the headers of a CreateMultipartUpload ask for, by S3's rules for which algorithms and types
    /// can be combined; `None` if there are no such headers.
    pub(crate) fn from_headers(algorithm: Option<&str>, kind: Option<&str>) -> S3Result<Option<Self>> {
        let Some(name) = algorithm else {
            return match kind {
                None => Ok(None),
                Some(_) => fail(
                    ErrorCode::InvalidRequest,
                    "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
                ),
            };
        };
        let algorithm = parse_algorithm(name)?;
        let invalid_combination = |kind: ChecksumType| {
            S3Error::new(
                ErrorCode::InvalidRequest,
                format!(
                    "The {} checksum type cannot be used with the {} checksum algorithm.",
                    kind.name(),
                    algorithm.name()
                ),
            )
        };
        let kind = match (kind, algorithm) {
            (None, Algorithm::Crc64Nvme) => ChecksumType::FullObject,
            (None, _) => ChecksumType::Composite,
            (Some("FULL_OBJECT"), Algorithm::Sha1 | Algorithm::Sha256) => {
                return Err(invalid_combination(ChecksumType::FullObject));
            }
            (Some("COMPOSITE"), Algorithm::Crc64Nvme) => {
                return Err(invalid_combination(ChecksumType::Composite));
            }
            (Some("FULL_OBJECT"), _) => ChecksumType::FullObject,
            (Some("COMPOSITE"), _) => ChecksumType::Composite,
            (Some(_), _) => {
                return fail(ErrorCode::InvalidRequest, "Value for x-amz-checksum-type header is invalid.");
            }
        };
        Ok(Some(Self { algorithm, kind }))
    }

    /// The checksum of a completed multipart upload, from the checksums and lengths (in bytes) of its parts; `None` if
    /// a checksum is missing.
    pub(crate) fn of_parts(self, parts: &[(Option<Checksum>, u64)]) -> Option<ObjectChecksum> {
        let sums: Vec<(Checksum, u64)> =
            parts.iter().map(|(sum, length)| Some(((*sum)?, *length))).collect::<Option<_>>()?;
        let parts = sums.iter().map(|(sum, _)| sum.to_string()).collect();
        match self.kind {
            ChecksumType::FullObject => Checksum::of_whole(sums)
                .map(|sum| ObjectChecksum { parts, ..ObjectChecksum::of_content(sum) }),
            ChecksumType::Composite => {
                let count = sums.len();
                let sum = Checksum::of_parts(sums.into_iter().map(|(sum, _)| sum))?;
                let value = format!("{sum}-{count}");
                Some(ObjectChecksum { algorithm: self.algorithm, kind: self.kind, value, parts })
            }
        }
    }
}

/// The checksum of an object as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectChecksum {
    #[serde(with = "label")]
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: ChecksumType,
    /// In base64; a composite checksum ends with the number of parts, `SUM-N`.
    pub(crate) value: String,
    /// The checksums of the parts in base64, for a multipart upload that requested checksums.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<String>,
}

impl ObjectChecksum {
    /// The checksum of the whole content.
    pub(crate) fn of_content(sum: Checksum) -> Self {
        Self {
            algorithm: sum.algorithm(),
            kind: ChecksumType::FullObject,
            value: sum.to_string(),
            parts: Vec::new(),
        }
    }

    /// The response headers that report the checksum.
    pub(crate) fn headers(&self) -> [(String, String); 2] {
        [
            (self.algorithm.header().to_owned(), self.value.clone()),
            (TYPE_HEADER.to_owned(), self.kind.name().to_owned()),
        ]
    }

    /// Whether this equals the checksum in a request; the number of parts may be omitted there.
    pub(crate) fn matches(&self, stated: &str) -> bool {
        let stated = stated.trim();
        stated == self.value
            || self.kind == ChecksumType::Composite
                && self.value.rsplit_once('-').is_some_and(|(sum, _)| sum == stated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3cmd_client::checksum::Hasher;

    #[test]
    fn a_composite_is_the_checksum_of_the_checksums() {
        // Computed with Python: hashlib.sha256(sha256(b"a").digest() + sha256(b"b").digest()).
        let spec = ChecksumSpec { algorithm: Algorithm::Sha256, kind: ChecksumType::Composite };
        let sha256 = |bytes: &[u8]| {
            let mut hasher = Hasher::new(Algorithm::Sha256);
            hasher.update(bytes);
            hasher.finish()
        };
        let stored = spec.of_parts(&[(Some(sha256(b"a")), 1), (Some(sha256(b"b")), 1)]).unwrap();
        assert_eq!(stored.value, "5aAf7hTg7VxIcU8iGA8lrYNltT+XefedxKPX6Tlj+Uo=-2");
        assert!(stored.matches(&stored.value) && stored.matches(stored.value.trim_end_matches("-2")));
        assert!(!stored.matches("x-2") && stored.parts.len() == 2);
        assert_eq!(spec.of_parts(&[(Some(sha256(b"a")), 1), (None, 1)]), None);
        let json = serde_json::to_string(&stored).unwrap();
        assert!(json.starts_with(r#"{"algorithm":"SHA256","kind":"COMPOSITE","#), "{json}");
        assert_eq!(serde_json::from_str::<ObjectChecksum>(&json).unwrap(), stored);
    }

    #[test]
    fn algorithms_and_types_combine_as_in_s3() {
        let parse = |algorithm, kind| {
            ChecksumSpec::from_headers(algorithm, kind).map_err(|error| error.code.as_str())
        };
        let spec = |algorithm, kind| Ok(Some(ChecksumSpec { algorithm, kind }));
        assert_eq!(parse(Some("CRC32"), None), spec(Algorithm::Crc32, ChecksumType::Composite));
        assert_eq!(
            parse(Some("crc32c"), Some("FULL_OBJECT")),
            spec(Algorithm::Crc32c, ChecksumType::FullObject)
        );
        assert_eq!(parse(Some("CRC64NVME"), None), spec(Algorithm::Crc64Nvme, ChecksumType::FullObject));
        assert_eq!(parse(None, None), Ok(None));
        assert_eq!(parse(None, Some("COMPOSITE")), Err("InvalidRequest"));
        assert_eq!(parse(Some("CRC64NVME"), Some("COMPOSITE")), Err("InvalidRequest"));
        assert_eq!(parse(Some("SHA256"), Some("FULL_OBJECT")), Err("InvalidRequest"));
        assert_eq!(parse(Some("SHA1"), Some("OTHER")), Err("InvalidRequest"));
        assert_eq!(parse(Some("XXHASH3"), None), Err("NotImplemented"));
    }
}
