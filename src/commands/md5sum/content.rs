//! The MD5 of an object's content: from the store's metadata if that is reliable, else computed from the content.

use crate::transfer::download::md5_of_content;
use crate::transfer::file_attributes::{self, Attributes};
use crate::uri::S3Uri;
use s3cmd_client::ops::object::Head;
use s3cmd_client::{Client, Result};

/// Returns the MD5 of the content in lower-case hex.
///
/// It is the ETag if that is the content's MD5, else the MD5 that was stored with the object when it was uploaded.
/// Otherwise the object is read, and verified as a download is, so that no MD5 is computed from damaged bytes. Each
/// object needs a HEAD request, even after a listing, because listings do not show encryption.
pub(super) async fn md5(client: &Client, uri: &S3Uri) -> Result<String> {
    // With the checksum, to verify the content if it is read.
    let head = client.head_object_with_checksum(&uri.bucket, &uri.key).await?;
    if let Some(md5) = known(&head) {
        return Ok(md5);
    }
    if head.is_swift_segmented() {
        log::info!(
            "'{uri}' is a Swift large object, whose ETag is not the MD5 of its content: reading the whole object"
        );
    }
    let (md5, _) = md5_of_content(client, uri, head).await?;
    Ok(hex::encode(md5))
}

/// The MD5 that the store's metadata reliably gives.
fn known(head: &Head) -> Option<String> {
    if !head.has_opaque_etag() && s3cmd_client::ops::multipart::is_md5(&head.etag) {
        return Some(head.etag.to_ascii_lowercase());
    }
    // With GPG the stored MD5 is that of the plain content.
    if head.header(file_attributes::GPG_HEADER).is_some() {
        return None;
    }
    let stored = Attributes::parse(head.header(file_attributes::HEADER)?);
    stored.md5().map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderName, HeaderValue};

    const MD5: &str = "6f5902ac237024bdd0c176cb93063dc4";

    fn head(etag: &str, headers: &[(&str, &str)]) -> Head {
        let pairs = headers.iter().map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        });
        Head { etag: etag.into(), headers: HeaderMap::from_iter(pairs), ..Head::default() }
    }

    #[test]
    fn only_md5s_of_the_content_are_used() {
        let stored = format!("md5:{MD5}/mode:33188");
        let attrs = ("x-amz-meta-s3cmd-attrs", stored.as_str());
        let kms = ("x-amz-server-side-encryption", "aws:kms");
        let other = "00000000000000000000000000000000";
        assert_eq!(known(&head(&MD5.to_uppercase(), &[])).as_deref(), Some(MD5));
        assert_eq!(known(&head(&format!("{other}-3"), &[])), None);
        assert_eq!(known(&head(&format!("{other}-3"), &[attrs])).as_deref(), Some(MD5));
        assert_eq!(known(&head(other, &[kms, attrs])).as_deref(), Some(MD5));
        assert_eq!(known(&head(other, &[kms])), None);
        assert_eq!(known(&head(MD5, &[("x-amz-server-side-encryption", "AES256")])).as_deref(), Some(MD5));
        assert_eq!(known(&head("x-2", &[attrs, ("x-amz-meta-s3tools-gpgenc", "gpg")])), None);
    }
}
