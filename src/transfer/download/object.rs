//! What is known of an object before its bytes come, and the proof that they are its bytes.

use crate::s3::multipart::is_md5;
use crate::s3::object::{Head, is_etag_opaque};
use crate::s3::request::Response;
use crate::s3::{Error, Result};
use crate::transfer::attrs::{self, Attributes};
use crate::transfer::restore::Restore;
use crate::uri::S3Uri;
use chrono::DateTime;
use std::time::SystemTime;

/// What is known of the object before its bytes come.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub(super) size: u64,
    pub(super) etag: String,
    /// MD5 of the content, in hex, where the ETag is one or s3cmd stored one.
    pub(super) md5: Option<String>,
    /// Whether the ETag says nothing about the content (encrypted with a key of the user's or of KMS).
    pub(super) opaque_etag: bool,
    /// Part size that the uploader stored, in bytes.
    pub(super) part_size: Option<u64>,
    pub(super) modified: Option<SystemTime>,
    /// Attributes of the file that was uploaded.
    pub(super) stored: Restore,
}

impl Remote {
    pub(super) fn of(response: &Response) -> Result<Self> {
        let size = response.header("content-length").and_then(|length| length.parse().ok());
        let size = size.ok_or_else(|| Error::Malformed("an object without a length".into()))?;
        Ok(Self::new(size, response.etag(), |name| response.header(name)))
    }

    pub(super) fn of_head(head: &Head) -> Self {
        Self::new(head.size, head.etag.clone(), |name| head.header(name))
    }

    fn new<'a>(size: u64, etag: String, header: impl Fn(&str) -> Option<&'a str> + Copy) -> Self {
        let opaque_etag = is_etag_opaque(header);
        let of_content = is_md5(&etag) && !opaque_etag;
        // What GPG has encrypted does not have the sum that was stored with it.
        let stored = || match header(attrs::GPG_HEADER) {
            Some(_) => None,
            None => Attributes::parse(header(attrs::HEADER)?).md5().map(str::to_owned),
        };
        let md5 = if of_content { Some(etag.clone()) } else { stored() };
        let modified = header("last-modified")
            .and_then(|text| DateTime::parse_from_rfc2822(text).ok())
            .map(SystemTime::from);
        let part_size = header(attrs::PART_SIZE_HEADER).and_then(|size| size.trim().parse().ok());
        let stored = Restore::of(header);
        Self { size, etag, md5, opaque_etag, part_size, modified, stored }
    }

    /// Compares what was received; `computed` is there if an MD5 is.
    pub(super) fn verify(&self, uri: &S3Uri, size: u64, computed: Option<[u8; 16]>) -> Result<()> {
        if size != self.size {
            return Err(Error::Integrity(format!(
                "{size} bytes of '{uri}' arrived instead of {}",
                self.size
            )));
        }
        match (&self.md5, computed.map(hex::encode)) {
            (Some(md5), Some(computed)) if !md5.eq_ignore_ascii_case(&computed) => {
                let text = format!("MD5 signatures do not match: computed={computed}, received={md5}");
                Err(Error::Integrity(text))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_sum_of_what_gpg_has_encrypted_is_not_compared_with() {
        let sum = "6f5902ac237024bdd0c176cb93063dc4";
        let attributes = format!("md5:{sum}");
        let object = |gpg: Option<&'static str>, etag: &str| {
            let header = |name: &str| match name {
                attrs::HEADER => Some(attributes.as_str()),
                attrs::GPG_HEADER => gpg,
                _ => None,
            };
            Remote::new(5, etag.to_owned(), header).md5
        };
        let composite = "d41d8cd98f00b204e9800998ecf8427e-2";
        assert_eq!(object(None, composite).as_deref(), Some(sum));
        assert_eq!(object(Some("gpg"), composite), None);
        assert_eq!(object(Some("gpg"), &composite[..32]).as_deref(), Some(&composite[..32]));
    }
}
