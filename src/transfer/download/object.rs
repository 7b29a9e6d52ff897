//! The metadata of an object before its content arrives, and the verification of the content.

use crate::transfer::file_attributes::restore::Restore;
use crate::transfer::file_attributes::{self, Attributes};
use crate::transfer::proof::{Evidence, Unproved};
use crate::uri::S3Uri;
use chrono::DateTime;
use s3cmd_client::checksum::{Checksum, Stored};
use s3cmd_client::http::body::{DigestKinds, Digests};
use s3cmd_client::http::request::Response;
use s3cmd_client::ops::multipart::is_md5;
use s3cmd_client::ops::object::{Head, is_etag_opaque, is_swift_segmented};
use s3cmd_client::ops::range::{ObjectVersion, etags_differ};
use s3cmd_client::{Error, Result};
use std::time::SystemTime;

/// The metadata of an object before its content arrives.
#[derive(Clone, Debug, Default)]
pub(super) struct Remote {
    pub(super) size: u64,
    pub(super) etag: String,
    /// MD5 of the content in hex: the ETag if it is an MD5, or the one that s3cmd stored if the store has no checksum
    /// of the whole.
    pub(super) md5: Option<String>,
    /// The store's own checksum, if the ETag is not the MD5 of the content.
    pub(super) checksum: Option<Stored>,
    /// Whether the ETag is not derived from the content, because the object is encrypted with a customer or KMS key.
    pub(super) opaque_etag: bool,
    /// The part size in bytes that the uploader stored.
    pub(super) part_size: Option<u64>,
    pub(super) modified: Option<SystemTime>,
    /// Whether the content was encrypted with GPG before it was uploaded.
    pub(super) gpg_encrypted: bool,
    /// Whether Swift stored the object in segments.
    pub(super) segmented: bool,
    /// The stored `Content-Encoding`; empty if there is none.
    pub(super) encoding: String,
    /// The attributes of the uploaded file.
    pub(super) stored: Restore,
}

impl Remote {
    /// Reads the headers of a GET response. `None` if the response has no length, as from a proxy that compresses it.
    pub(super) fn of(response: &Response) -> Option<Self> {
        let size = response.header("content-length").and_then(|length| length.parse().ok())?;
        Some(Self::new(size, response.etag(), |name| response.header(name)))
    }

    pub(super) fn of_head(head: &Head) -> Self {
        Self::new(head.size, head.etag.clone(), |name| head.header(name))
    }

    pub(super) fn new<'a>(size: u64, etag: String, header: impl Fn(&str) -> Option<&'a str> + Copy) -> Self {
        let opaque_etag = is_etag_opaque(header);
        let of_content = is_md5(&etag) && !opaque_etag;
        let gpg_encrypted = header(file_attributes::GPG_HEADER).is_some();
        // The stored MD5 of a GPG-encrypted object is that of the plain content.
        let stored = || match gpg_encrypted {
            true => None,
            false => Attributes::parse(header(file_attributes::HEADER)?).md5().map(str::to_owned),
        };
        let checksum = Stored::of(header).filter(|_| !of_content);
        let md5 = match checksum {
            _ if of_content => Some(etag.clone()),
            Some(Stored::Whole(_)) => None,
            Some(Stored::Parts(..)) | None => stored(),
        };
        let modified = header("last-modified")
            .and_then(|text| DateTime::parse_from_rfc2822(text).ok())
            .map(SystemTime::from);
        let part_size = header(file_attributes::PART_SIZE_HEADER).and_then(|size| size.trim().parse().ok());
        let stored = Restore::of(header);
        let segmented = is_swift_segmented(header);
        let encoding = header("content-encoding").unwrap_or_default().to_owned();
        Self {
            size,
            etag,
            md5,
            checksum,
            opaque_etag,
            part_size,
            modified,
            gpg_encrypted,
            segmented,
            encoding,
            stored,
        }
    }

    /// The exact version, for requests that must not return another one.
    pub(super) fn version<'a>(&'a self, uri: &'a S3Uri) -> ObjectVersion<'a> {
        let S3Uri { bucket, key } = uri;
        let Self { etag, size, segmented, encoding, .. } = self;
        ObjectVersion { bucket, key, etag, size: *size, segmented: *segmented, encoding }
    }

    /// Whether the listed properties may be those of this object. For an object in segments, the listing describes its
    /// manifest.
    pub(super) fn is_listed_as(&self, size: u64, etag: &str) -> bool {
        self.segmented || size == self.size && !etags_differ(etag, &self.etag) && !self.is_etag_missing(etag)
    }

    /// Whether this is the object that another response described.
    pub(super) fn is(&self, other: &Self) -> bool {
        let same_etag = !etags_differ(&self.etag, &other.etag) && !self.is_etag_missing(&other.etag);
        self.size == other.size && self.segmented == other.segmented && same_etag
    }

    /// Whether an expected ETag is missing: S3 returns one with every response, a page of another server has none.
    pub(super) fn is_etag_missing(&self, etag: &str) -> bool {
        self.etag.is_empty() && !etag.is_empty()
    }

    /// Why the content cannot be verified.
    pub(super) fn unproved(&self) -> Unproved {
        if self.segmented { Unproved::Segmented } else { Unproved::NoChecksum }
    }

    /// The checksum of the whole content, if there is one.
    pub(super) fn whole_checksum(&self) -> Option<Checksum> {
        self.checksum.and_then(Stored::whole)
    }

    /// The digests of the content that are needed for verification.
    pub(super) fn required_digests(&self) -> DigestKinds {
        let checksum = self.whole_checksum().map(|checksum| checksum.algorithm());
        DigestKinds { md5: self.md5.is_some(), sha256: false, checksum }
    }

    /// Verifies received content of `size` bytes. `computed` contains the digests that [`Remote::required_digests`]
    /// returned. Returns the evidence, or `None` if only the length was compared.
    pub(super) fn verify(&self, uri: &S3Uri, size: u64, computed: &Digests) -> Result<Option<Evidence>> {
        if size != self.size {
            return Err(Error::Integrity(format!(
                "{size} bytes of '{uri}' arrived instead of {}",
                self.size
            )));
        }
        if let (Some(md5), Some(computed)) = (&self.md5, computed.md5.map(hex::encode)) {
            if md5.eq_ignore_ascii_case(&computed) {
                let is_etag = !self.opaque_etag && *md5 == self.etag;
                return Ok(Some(if is_etag { Evidence::Etag } else { Evidence::StoredMd5 }));
            }
            let text = format!("MD5 signatures do not match: computed={computed}, received={md5}");
            return Err(Error::Integrity(text));
        }
        if let (Some(stored), Some(computed)) = (self.whole_checksum(), computed.checksum) {
            if stored == computed {
                return Ok(Some(Evidence::Checksum(stored.algorithm())));
            }
            let name = stored.algorithm();
            let text = format!("{name} checksums do not match: computed={computed}, received={stored}");
            return Err(Error::Integrity(text));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3cmd_client::checksum::Algorithm;

    #[test]
    fn the_stored_md5_of_a_gpg_encrypted_object_is_not_compared() {
        let sum = "6f5902ac237024bdd0c176cb93063dc4";
        let attributes = format!("md5:{sum}");
        let object = |gpg: Option<&'static str>, etag: &str| {
            let header = |name: &str| match name {
                file_attributes::HEADER => Some(attributes.as_str()),
                file_attributes::GPG_HEADER => gpg,
                _ => None,
            };
            Remote::new(5, etag.to_owned(), header).md5
        };
        let composite = "d41d8cd98f00b204e9800998ecf8427e-2";
        assert_eq!(object(None, composite).as_deref(), Some(sum));
        assert_eq!(object(Some("gpg"), composite), None);
        assert_eq!(object(Some("gpg"), &composite[..32]).as_deref(), Some(&composite[..32]));
    }

    #[test]
    fn a_full_object_checksum_is_compared_if_the_etag_is_not_an_md5() {
        let md5 = "25f9e794323b453885f5181f1b624d0b";
        let attributes = format!("md5:{md5}");
        let object = |etag: &str, crc: &'static str, kms: bool| {
            let header = |name: &str| match name {
                file_attributes::HEADER => Some(attributes.as_str()),
                "x-amz-checksum-crc32" => Some(crc),
                "x-amz-server-side-encryption" if kms => Some("aws:kms"),
                _ => None,
            };
            Remote::new(9, etag.to_owned(), header)
        };
        let hashed = |object: &Remote, content: &[u8]| {
            let mut hasher = s3cmd_client::http::body::Hasher::new(object.required_digests());
            hasher.update(content);
            object.verify(&S3Uri::new("b", "k"), 9, &hasher.finish())
        };
        let composite = format!("{md5}-2");
        let plain = object(md5, "y/Q5Jg==", false);
        assert!(plain.md5.is_some() && plain.checksum.is_none());
        for object in [object(&composite, "y/Q5Jg==", false), object(md5, "y/Q5Jg==", true)] {
            assert_eq!(object.md5, None);
            assert_eq!(hashed(&object, b"123456789").unwrap(), Some(Evidence::Checksum(Algorithm::Crc32)));
            assert!(
                matches!(hashed(&object, b"123456788"), Err(Error::Integrity(text)) if text.contains("CRC32"))
            );
        }
        let of_parts = object(&composite, "y/Q5Jg==-2", false);
        assert_eq!(of_parts.md5.as_deref(), Some(md5), "that of the parts needs their size");
        assert_eq!(hashed(&of_parts, b"123456789").unwrap(), Some(Evidence::StoredMd5));
        assert!(hashed(&of_parts, b"123456788").is_err());
    }
}
