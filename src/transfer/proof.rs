//! How well the content of a finished transfer is verified: one type for uploads, downloads and copies.
//!
//! Content is *proved* by a checksum that the other side computed, *unproved* if only its length could be compared, or
//! *refuted*, which is an error ([`Error::Integrity`](s3cmd_client::Error::Integrity)). Deleting a source requires
//! proved content. Replacing a destination requires content that is not refuted.

use s3cmd_client::checksum::Algorithm;
use std::fmt;

/// How well complete content is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A value that covers every byte agrees. For server-side copies, see [`Evidence`].
    Proved(Evidence),
    /// Only the length was compared.
    Unproved(Unproved),
}

/// The evidence that proves content, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// The ETag, which is the MD5 of the content.
    Etag,
    /// The MD5 that the uploader stored with the object.
    StoredMd5,
    /// The store's checksum of the whole content (`FULL_OBJECT`).
    Checksum(Algorithm),
    /// The store's checksum of the part checksums (`COMPOSITE`).
    PartChecksums(Algorithm),
    /// The composite ETag, computed over the MD5s of the parts.
    PartEtags(PartSizes),
    /// The server-side copy has the same ETag as its source.
    SameEtag,
    /// The server-side copy has the same store checksum as its source.
    SameChecksum,
    /// The server-side copy has the length of its source, and samples spread over both are equal.
    Samples,
}

/// How the part sizes of an object were determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartSizes {
    /// The uploader stored the part size with the object.
    Stored,
    /// The server reported them.
    Reported,
    /// A size that clients commonly use reproduces the ETag.
    Common,
}

/// Why content could not be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unproved {
    /// The store returned no checksum that can be computed from the content.
    NoChecksum,
    /// Swift stored the object in segments. Its ETag covers the ETags of the segments, whose sizes are unknown.
    Segmented,
    /// No common part size reproduces the ETag, but two fetches returned the same bytes.
    UncommonParts,
}

impl Proof {
    /// Whether the content is proved, so that its source may be deleted.
    pub(crate) fn is_proved(self) -> bool {
        matches!(self, Proof::Proved(_))
    }

    /// The word for this result in JSON output.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Proof::Proved(evidence) => evidence.word(),
            Proof::Unproved(_) => "length",
        }
    }
}

impl Evidence {
    fn word(self) -> &'static str {
        match self {
            Evidence::Etag => "etag",
            Evidence::StoredMd5 => "stored-md5",
            Evidence::Checksum(_) => "checksum",
            Evidence::PartChecksums(_) => "part-checksums",
            Evidence::PartEtags(_) => "part-etags",
            Evidence::SameEtag => "same-etag",
            Evidence::SameChecksum => "same-checksum",
            Evidence::Samples => "samples",
        }
    }
}

/// The reason, worded to follow the name of an object.
impl fmt::Display for Unproved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unproved::NoChecksum => "has no checksum to compare with: only its length was checked",
            Unproved::Segmented => {
                "is a Swift large object, whose segments have no common checksum: only its length was checked"
            }
            Unproved::UncommonParts => {
                "has an ETag that no usual part size explains: only its length was checked"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_evidence_proves_content() {
        assert!(Proof::Proved(Evidence::PartEtags(PartSizes::Common)).is_proved());
        for why in [Unproved::NoChecksum, Unproved::Segmented, Unproved::UncommonParts] {
            assert!(!Proof::Unproved(why).is_proved());
            assert_eq!(Proof::Unproved(why).word(), "length");
            assert!(why.to_string().ends_with("only its length was checked"));
        }
    }
}
