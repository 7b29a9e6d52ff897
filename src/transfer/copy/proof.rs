//! Verifies a copy by the strongest evidence that both sides provide.
//!
//! Equal ETags prove a copy, and so does an ETag that is the stored MD5 of the source. If the ETag of the copy is
//! inconclusive (another part size, encryption), the lengths are compared, and the newer checksums or, without those,
//! samples spread over both objects.

use super::Copier;
use crate::transfer::compare::{self, Stored};
use crate::transfer::placement::Encryption;
use crate::transfer::proof::{Evidence, Proof, Unproved};
use crate::uri::S3Uri;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use s3cmd_client::ops::multipart::is_md5;
use s3cmd_client::ops::object::Head;
use s3cmd_client::ops::range::ObjectVersion;
use s3cmd_client::{Client, Error, Result};

/// Size of one sample in bytes. Small objects are compared completely.
const SAMPLE: u64 = 64 << 10;

/// The maximum number of samples of one object.
const SAMPLES: u64 = 16;

/// The number of samples that are compared concurrently.
const AT_ONCE: usize = 4;

impl Copier {
    /// Verifies a copy that was made in one request and has the ETag `etag`.
    pub(super) async fn verify(&self, from: &S3Uri, head: &Head, to: &S3Uri, etag: &str) -> Result<Proof> {
        if etag == head.etag && !etag.is_empty() {
            return Ok(Proof::Proved(Evidence::SameEtag));
        }
        let uses_kms = matches!(self.options.placement.encryption, Some(Encryption::Kms(_)));
        let encrypted = uses_kms || head.has_opaque_etag();
        if let Some(md5) = Stored::md5_of(head)
            && is_md5(etag)
            && !encrypted
        {
            let md5 = hex::encode(md5);
            return if md5.eq_ignore_ascii_case(etag) {
                Ok(Proof::Proved(Evidence::StoredMd5))
            } else {
                Err(differs(to, &format!("ETag {etag} instead of {md5}")))
            };
        }
        self.compare_samples(from, head, to).await
    }

    /// Compares the lengths and the stored checksums or, without those, samples spread over both objects.
    pub(super) async fn compare_samples(&self, from: &S3Uri, head: &Head, to: &S3Uri) -> Result<Proof> {
        let (source, arrived) = futures::try_join!(
            self.source.head_object_with_checksum(&from.bucket, &from.key),
            self.client.head_object_with_checksum(&to.bucket, &to.key)
        )?;
        if arrived.size != head.size {
            return Err(differs(to, &format!("{} bytes instead of {}", arrived.size, head.size)));
        }
        match compare::same_checksum(&source, &arrived) {
            Some(true) => return Ok(Proof::Proved(Evidence::SameChecksum)),
            Some(false) => return Err(differs(to, "its checksum differs")),
            None => {}
        }
        let arrived = &arrived;
        let compared = futures::stream::iter(samples(head.size, s3cmd_client::client::retry::random))
            .map(|(first, last)| async move {
                let (theirs, ours) = futures::try_join!(
                    range(&self.source, from, head, (first, last)),
                    range(&self.client, to, arrived, (first, last))
                )?;
                if theirs == ours {
                    Ok(())
                } else {
                    Err(differs(to, &format!("the bytes from {first} on differ")))
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>();
        match compared.await {
            Ok(()) => {
                log::info!(
                    "'{to}' has no checksum in common with '{from}': length and samples were compared"
                );
                Ok(Proof::Proved(Evidence::Samples))
            }
            // Objects that are archived, or encrypted with a customer key, can be copied but not read.
            Err(error) if error.status() == Some(403) || error.status() == Some(400) => {
                log::info!("'{to}' cannot be compared with '{from}' ({error}): only its length was checked");
                Ok(Proof::Unproved(Unproved::NoChecksum))
            }
            Err(error) => Err(error),
        }
    }
}

/// The error for a copy that differs from its source.
pub(super) fn differs(to: &S3Uri, what: &str) -> Error {
    Error::Integrity(format!("the copy '{to}' differs from the source: {what}"))
}

/// The bytes from `first` to `last` of an object, as long as it is the version that `head` describes.
pub(super) async fn range(client: &Client, uri: &S3Uri, head: &Head, range: (u64, u64)) -> Result<Bytes> {
    range_of(client, ObjectVersion::of_head(&uri.bucket, &uri.key, head), range).await
}

/// The bytes from `first` to `last` of one exact version of an object.
pub(super) async fn range_of(
    client: &Client,
    object: ObjectVersion<'_>,
    (first, last): (u64, u64),
) -> Result<Bytes> {
    let length = last - first + 1;
    let response = match client.get_range(object, (first, last), None).await? {
        Some(response) => response,
        // A server without range support suffices if the whole object is requested.
        None if length == object.size => client.get_object(object.bucket, object.key, &[], None).await?,
        None => return Err(Error::Integrity("the server does not support range requests".into())),
    };
    let content = response.bytes(length as usize).await?;
    if content.len() as u64 != length {
        return Err(Error::Integrity(format!("{} bytes of {length} arrived", content.len())));
    }
    Ok(content)
}

/// The first and last bytes of samples: one at a random position in each of several equal pieces.
fn samples(size: u64, random: impl Fn() -> f64) -> Vec<(u64, u64)> {
    let pieces = size.div_ceil(SAMPLE).min(SAMPLES);
    let sample = |piece: u64| {
        // A piece is longer than a sample, unless the whole piece is the sample.
        let (begin, end) = (u128::from(size) * u128::from(piece), u128::from(size) * u128::from(piece + 1));
        let (begin, end) = ((begin / u128::from(pieces)) as u64, (end / u128::from(pieces)) as u64);
        let room = (end - begin).saturating_sub(SAMPLE);
        let first = begin + (room as f64 * random()) as u64;
        (first, (first + SAMPLE).min(end) - 1)
    };
    (0..pieces).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_within_the_object_and_all_over_it() {
        assert!(samples(0, || 0.5).is_empty());
        assert_eq!(samples(1, || 0.9), [(0, 0)]);
        assert_eq!(samples(SAMPLE, || 0.9), [(0, SAMPLE - 1)]);
        // Small objects are compared completely.
        for size in [SAMPLE + 1, 5 * SAMPLE, SAMPLES * SAMPLE] {
            let read: u64 = samples(size, || 0.9).iter().map(|(first, last)| last - first + 1).sum();
            assert_eq!(read, size);
        }
        for random in [0.0, 0.5, 0.999_999] {
            for size in [100 * SAMPLE + 7, 5 << 40] {
                let found = samples(size, || random);
                assert_eq!(found.len() as u64, SAMPLES);
                assert!(found.iter().all(|(first, last)| last - first + 1 == SAMPLE && *last < size));
                assert!(found.windows(2).all(|pair| pair[0].1 < pair[1].0));
                assert!(found[0].0 < size / SAMPLES && found[15].1 >= size / SAMPLES * 15);
            }
        }
    }
}
