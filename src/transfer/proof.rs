//! One notion of proof: what is known of content that was received, sent or copied.
//!
//! Content is *proved* by a checksum that somebody else computed, *unproved* where nothing but its length could be compared,
//! or *refuted*, which is an error ([`Error::Integrity`](crate::s3::Error::Integrity)). Deleting a source needs proved
//! content; replacing a destination needs content that is not refuted.

use crate::s3::checksum::Algorithm;
use std::fmt;

/// What is known of content whose bytes are all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Something that covers every byte agrees with it; for a copy on the server, what [`Evidence`] says of copies.
    Proved(Evidence),
    /// Its length alone was compared.
    Unproved(Unproved),
}

/// By what content was proved, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The ETag, which is the MD5 of the content.
    Etag,
    /// The MD5 that the uploader stored with the object.
    StoredMd5,
    /// The store's checksum of the whole content (`FULL_OBJECT`).
    Checksum(Algorithm),
    /// The store's checksum of the checksums of the parts (`COMPOSITE`).
    PartChecksums(Algorithm),
    /// The ETag over the MD5s of the parts.
    PartEtags(PartSizes),
    /// The copy on the server has the ETag of its source.
    SameEtag,
    /// The copy on the server has the store's checksum that its source has.
    SameChecksum,
    /// The copy on the server has the length of its source, and samples from all over both are equal.
    Samples,
}

/// How the sizes of an object's parts were found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartSizes {
    /// The uploader stored the size with the object.
    Stored,
    /// The server told them.
    Told,
    /// It is a size that clients usually choose.
    Usual,
}

/// Why content could not be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproved {
    /// The store tells nothing that could be computed from the content.
    NoChecksum,
    /// Swift stored the object in segments: its ETag is computed over theirs, whose sizes are not known.
    Segmented,
    /// The ETag is not that of parts of a usual size, but two fetches brought the same bytes.
    UnusualParts,
}

impl Proof {
    /// Whether the content is proved: only then its source may be deleted.
    pub fn is_proved(self) -> bool {
        matches!(self, Proof::Proved(_))
    }

    /// The word that stands for it in the output for programs.
    pub fn word(self) -> &'static str {
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

/// Why, as it stands behind the name of an object.
impl fmt::Display for Unproved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unproved::NoChecksum => "has no checksum to compare with: only its length was checked",
            Unproved::Segmented => {
                "is a Swift large object, whose segments have no common checksum: only its length was checked"
            }
            Unproved::UnusualParts => {
                "has an ETag that no usual part size explains: only its length was checked"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_something_else_vouches_for_is_proved() {
        assert!(Proof::Proved(Evidence::PartEtags(PartSizes::Usual)).is_proved());
        for why in [Unproved::NoChecksum, Unproved::Segmented, Unproved::UnusualParts] {
            assert!(!Proof::Unproved(why).is_proved());
            assert_eq!(Proof::Unproved(why).word(), "length");
            assert!(why.to_string().ends_with("only its length was checked"));
        }
    }
}
