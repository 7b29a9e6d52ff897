//! The MD5 of an object's content: from what the store knows where that is certain, else by reading the object.

use crate::digest::{Digest, Md5};
use crate::s3::object::Head;
use crate::s3::request::Progress;
use crate::s3::{Client, Error, Result};
use crate::transfer::attrs::{self, Attributes};
use crate::uri::S3Uri;

/// The MD5 of the content, in lower-case hex.
///
/// It is the ETag where that is the content's MD5, else the sum that was stored with the object when it was uploaded,
/// else the object is read. One HEAD an object is needed even after a listing, which does not tell encrypted objects.
pub(super) async fn md5(client: &Client, uri: &S3Uri) -> Result<String> {
    let head = client.head_object(&uri.bucket, &uri.key).await?;
    match known(&head) {
        Some(md5) => Ok(md5),
        None => read(client, uri, &head).await,
    }
}

/// The sum that the store is certain of.
fn known(head: &Head) -> Option<String> {
    if !head.has_opaque_etag() && crate::s3::multipart::is_md5(&head.etag) {
        return Some(head.etag.to_ascii_lowercase());
    }
    // Encryption by GPG stores the sum of what was encrypted.
    if head.header(attrs::GPG_HEADER).is_some() {
        return None;
    }
    let stored = Attributes::parse(head.header(attrs::HEADER)?);
    stored.md5().map(str::to_ascii_lowercase)
}

/// Reads the object; a connection that breaks is taken up again where it broke.
async fn read(client: &Client, uri: &S3Uri, head: &Head) -> Result<String> {
    let policy = &client.options().retry;
    let mut hasher = Md5::new();
    let (mut done, mut failures) = (0, 0);
    while done < head.size {
        let before = done;
        match read_from(client, uri, head, &mut hasher, &mut done).await {
            Ok(()) => break,
            Err(error) => {
                failures = if done > before { 0 } else { failures };
                policy.resume(&mut failures, &uri.key, error).await?;
            }
        }
    }
    if done != head.size {
        return Err(Error::Integrity(format!("{done} bytes were read of {}", head.size)));
    }
    Ok(hex::encode(hasher.finalize()))
}

async fn read_from(
    client: &Client,
    uri: &S3Uri,
    head: &Head,
    hasher: &mut Md5,
    done: &mut u64,
) -> Result<()> {
    // The object must still be the one that was begun with.
    let mut headers = vec![("if-match".to_owned(), format!("\"{}\"", head.etag))];
    if *done > 0 {
        headers.push(("range".to_owned(), format!("bytes={done}-")));
    }
    // Counting marks it as object data, which a rate limit applies to.
    let progress = Some(Progress::default());
    let mut response = client.get_object(&uri.bucket, &uri.key, &headers, progress).await?;
    if *done > 0 && response.status != 206 {
        return Err(Error::Integrity("the server ignored a range".to_owned()));
    }
    while let Some(chunk) = response.chunk().await? {
        hasher.update(&chunk);
        *done += chunk.len() as u64;
    }
    Ok(())
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
    fn only_sums_of_the_content_are_taken() {
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
