//! The checksum of an object beside its ETag: what is kept of it, and how that of an upload in parts comes about.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use super::error::{ErrorCode, S3Error, S3Result, fail, not_implemented};
use s3cmd_client::checksum::{Algorithm, Checksum, TYPE_HEADER};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An algorithm by the name that a request gives it. S3 knows more than are known here.
pub(crate) fn parse_algorithm(name: &str) -> S3Result<Algorithm> {
    name.trim().parse().map_err(|_| not_implemented(&format!("The checksum algorithm {}", name.trim())))
}

/// Algorithms are kept by the names that S3 gives them.
mod label {
    use super::{Algorithm, Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(algorithm: &Algorithm, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(algorithm.label())
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Algorithm, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What the checksum of an object is a checksum of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ChecksumType {
    /// Of its content.
    #[serde(rename = "FULL_OBJECT")]
    FullObject,
    /// Of the checksums of its parts, with their number.
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

/// The checksum that an upload in parts is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChecksumSpec {
    #[serde(with = "label")]
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: ChecksumType,
}

impl ChecksumSpec {
    /// The default of S3.
    pub(crate) const DEFAULT: Self = Self { algorithm: Algorithm::Crc64Nvme, kind: ChecksumType::FullObject };

    /// The plan that the headers of a CreateMultipartUpload ask for, with S3's rules for what goes together.
    pub(crate) fn asked(algorithm: Option<&str>, kind: Option<&str>) -> S3Result<Option<Self>> {
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
        let cannot = |kind: ChecksumType| {
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
                return Err(cannot(ChecksumType::FullObject));
            }
            (Some("COMPOSITE"), Algorithm::Crc64Nvme) => return Err(cannot(ChecksumType::Composite)),
            (Some("FULL_OBJECT"), _) => ChecksumType::FullObject,
            (Some("COMPOSITE"), _) => ChecksumType::Composite,
            (Some(_), _) => {
                return fail(ErrorCode::InvalidRequest, "Value for x-amz-checksum-type header is invalid.");
            }
        };
        Ok(Some(Self { algorithm, kind }))
    }

    /// The checksum of an object of parts, from the sums and lengths of its parts; `None` if a sum is missing.
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

/// The checksum of an object as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectChecksum {
    #[serde(with = "label")]
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: ChecksumType,
    /// Base64; of a composite with the number of its parts, `SUM-N`.
    pub(crate) value: String,
    /// The parts' own, in base64, of an upload in parts that asked for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<String>,
}

impl ObjectChecksum {
    /// The sum of all of the content.
    pub(crate) fn of_content(sum: Checksum) -> Self {
        Self {
            algorithm: sum.algorithm(),
            kind: ChecksumType::FullObject,
            value: sum.to_string(),
            parts: Vec::new(),
        }
    }

    /// The headers that tell of it.
    pub(crate) fn headers(&self) -> [(String, String); 2] {
        [
            (self.algorithm.header().to_owned(), self.value.clone()),
            (TYPE_HEADER.to_owned(), self.kind.name().to_owned()),
        ]
    }

    /// Whether this is the sum that somebody states; the number of parts may be left out.
    pub(crate) fn is(&self, stated: &str) -> bool {
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
    fn a_composite_is_the_sum_of_the_sums() {
        // Computed with Python: hashlib.sha256(sha256(b"a").digest() + sha256(b"b").digest()).
        let plan = ChecksumSpec { algorithm: Algorithm::Sha256, kind: ChecksumType::Composite };
        let of = |bytes: &[u8]| {
            let mut hasher = Hasher::new(Algorithm::Sha256);
            hasher.update(bytes);
            hasher.finish()
        };
        let stored = plan.of_parts(&[(Some(of(b"a")), 1), (Some(of(b"b")), 1)]).unwrap();
        assert_eq!(stored.value, "5aAf7hTg7VxIcU8iGA8lrYNltT+XefedxKPX6Tlj+Uo=-2");
        assert!(stored.is(&stored.value) && stored.is(stored.value.trim_end_matches("-2")));
        assert!(!stored.is("x-2") && stored.parts.len() == 2);
        assert_eq!(plan.of_parts(&[(Some(of(b"a")), 1), (None, 1)]), None);
        let json = serde_json::to_string(&stored).unwrap();
        assert!(json.starts_with(r#"{"algorithm":"SHA256","kind":"COMPOSITE","#), "{json}");
        assert_eq!(serde_json::from_str::<ObjectChecksum>(&json).unwrap(), stored);
    }

    #[test]
    fn algorithms_and_types_go_together_as_in_s3() {
        let of = |algorithm, kind| ChecksumSpec::asked(algorithm, kind).map_err(|error| error.code.as_str());
        let plan = |algorithm, kind| Ok(Some(ChecksumSpec { algorithm, kind }));
        assert_eq!(of(Some("CRC32"), None), plan(Algorithm::Crc32, ChecksumType::Composite));
        assert_eq!(
            of(Some("crc32c"), Some("FULL_OBJECT")),
            plan(Algorithm::Crc32c, ChecksumType::FullObject)
        );
        assert_eq!(of(Some("CRC64NVME"), None), plan(Algorithm::Crc64Nvme, ChecksumType::FullObject));
        assert_eq!(of(None, None), Ok(None));
        assert_eq!(of(None, Some("COMPOSITE")), Err("InvalidRequest"));
        assert_eq!(of(Some("CRC64NVME"), Some("COMPOSITE")), Err("InvalidRequest"));
        assert_eq!(of(Some("SHA256"), Some("FULL_OBJECT")), Err("InvalidRequest"));
        assert_eq!(of(Some("SHA1"), Some("OTHER")), Err("InvalidRequest"));
        assert_eq!(of(Some("XXHASH3"), None), Err("NotImplemented"));
    }
}
