//! Server-side encryption: the keys, the ciphers, and the metadata about them that is stored with an object.
//!
//! The content of a PUT and of each part is a segment. A segment is encrypted with AES-256 in counter mode, starting at
//! zero, under a key of its own: an HMAC-SHA-256 with the object's key over a random nonce. No two segments share a
//! key, so no counter value is used twice with a key, and a range can be decrypted at any offset. A customer-provided
//! key is not stored; another HMAC with it, also over a nonce, verifies the key that a client sends to read the object.
//! The ETag is the MD5 of the plain content, as in Ceph. The MD5 of the encrypted bytes is stored as well, to recognise
//! a file that was copied or restored.

use crate::model::error::S3Result;
use crate::random;
use aes::Aes256;
use aes::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use hmac::{Hmac, KeyInit, Mac};
use s3cmd_client::digest::{Digest, Md5};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A 256-bit key.
#[derive(Clone)]
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

impl Key {
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Derives a key for a purpose and a context.
    pub(crate) fn derive(&self, purpose: &str, context: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(context);
        Self::new(mac.finalize().into_bytes().into())
    }
}

/// Where the key of an object comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyOrigin {
    /// SSE-C: the client; with the MD5 of the key in base64.
    Customer(String),
    /// SSE-S3: the server.
    Server,
    /// SSE-KMS: the server; with the key id.
    Kms(String),
}

/// How an object is encrypted, as stored in its metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SseMetadata {
    #[serde(rename = "whose")]
    pub(crate) origin: KeyOrigin,
    /// Nonce and HMAC that verify the key; hex.
    proof: (String, String),
    /// The nonces of the segments, one per part or a single one; hex.
    pub(crate) nonces: Vec<String>,
    /// The MD5s of the encrypted segments; hex. Empty in records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) digests: Vec<String>,
}

/// Nonce and digest of an encrypted segment; hex.
#[derive(Clone, Debug)]
pub(crate) struct EncryptedSegment {
    pub(crate) nonce: String,
    /// The MD5 of the encrypted bytes.
    pub(crate) digest: String,
}

impl SseMetadata {
    pub(crate) fn new(origin: KeyOrigin, key: &Key) -> S3Result<Self> {
        let nonce = nonce()?;
        let proof = key.derive("proof", nonce.as_bytes());
        Ok(Self { origin, proof: (nonce, hex::encode(*proof.0)), nonces: Vec::new(), digests: Vec::new() })
    }

    /// Sets the nonces and digests of an object that consists of one segment.
    pub(crate) fn with_segment(mut self, segment: Option<EncryptedSegment>) -> Self {
        (self.nonces, self.digests) =
            segment.into_iter().map(|segment| (segment.nonce, segment.digest)).unzip();
        self
    }

    pub(crate) fn is_key(&self, key: &Key) -> bool {
        let computed = hex::encode(*key.derive("proof", self.proof.0.as_bytes()).0);
        computed.as_bytes().ct_eq(self.proof.1.as_bytes()).into()
    }
}

fn nonce() -> S3Result<String> {
    Ok(hex::encode(random::bytes::<16>()?))
}

/// Encrypts one segment while it is written.
pub(crate) struct SegmentCipher {
    nonce: String,
    cipher: ctr::Ctr128BE<Aes256>,
    md5: Md5,
}

impl fmt::Debug for SegmentCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SegmentCipher(***)")
    }
}

fn cipher(key: &Key, nonce: &str) -> ctr::Ctr128BE<Aes256> {
    let key = key.derive("segment", nonce.as_bytes());
    ctr::Ctr128BE::<Aes256>::new((&*key.0).into(), (&[0; 16]).into())
}

impl SegmentCipher {
    pub(crate) fn encrypt(&mut self, bytes: &mut [u8]) {
        self.cipher.apply_keystream(bytes);
        self.md5.update(bytes);
    }

    /// Ends the segment; must be called after its last byte.
    pub(crate) fn finish(self) -> EncryptedSegment {
        EncryptedSegment { nonce: self.nonce, digest: hex::encode(self.md5.finalize()) }
    }
}

/// The key and the segments of an object that is being read or written.
#[derive(Clone, Debug)]
pub(crate) struct ObjectCipher {
    key: Key,
    /// Start and length of each segment in bytes, and its nonce.
    segments: Arc<[(u64, u64, String)]>,
}

impl ObjectCipher {
    /// The cipher of an object with these segments, given by length in bytes and nonce.
    pub(crate) fn new<'a>(key: Key, segments: impl IntoIterator<Item = (u64, &'a str)>) -> Self {
        let mut start = 0;
        let segments = segments.into_iter().map(|(length, nonce)| {
            start += length;
            (start - length, length, nonce.to_owned())
        });
        Self { segments: segments.collect(), key }
    }

    /// A cipher for a new segment.
    pub(crate) fn new_segment(&self) -> S3Result<SegmentCipher> {
        let nonce = nonce()?;
        let cipher = cipher(&self.key, &nonce);
        Ok(SegmentCipher { nonce, cipher, md5: Md5::new() })
    }

    /// Decrypts bytes that were read at `offset`.
    pub(crate) fn decrypt(&self, offset: u64, bytes: &mut [u8]) {
        let end = offset + bytes.len() as u64;
        for (start, length, nonce) in self.segments.iter() {
            let (from, to) = (offset.max(*start), end.min(start + length));
            if from < to {
                let mut cipher = cipher(&self.key, nonce);
                cipher.seek(from - start);
                cipher.apply_keystream(&mut bytes[(from - offset) as usize..(to - offset) as usize]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range_can_be_decrypted() {
        let key = Key::new([7; 32]);
        let mut cipher = ObjectCipher { key, segments: Arc::from([]) };
        let plain: Vec<u8> = (0..100_u8).collect();
        let mut segments = Vec::new();
        let mut stored = Vec::new();
        for piece in [&plain[..33], &plain[33..64], &plain[64..]] {
            let mut encryptor = cipher.new_segment().unwrap();
            let mut bytes = piece.to_vec();
            // In two calls.
            let (a, b) = bytes.split_at_mut(piece.len() / 2);
            encryptor.encrypt(a);
            encryptor.encrypt(b);
            let segment = encryptor.finish();
            assert_eq!(segment.digest, hex::encode(Md5::digest(&bytes)));
            segments.push((stored.len() as u64, piece.len() as u64, segment.nonce));
            stored.extend(bytes);
        }
        assert_ne!(stored, plain);
        cipher.segments = segments.into();
        for start in [0, 1, 16, 32, 33, 40, 64, 99] {
            for end in start..=100 {
                let mut bytes = stored[start..end].to_vec();
                cipher.decrypt(start as u64, &mut bytes);
                assert_eq!(bytes, plain[start..end], "{start}..{end}");
            }
        }
    }

    #[test]
    fn a_key_is_recognised_but_not_stored() {
        let (key, other) = (Key::new([1; 32]), Key::new([2; 32]));
        let metadata = SseMetadata::new(KeyOrigin::Server, &key).unwrap();
        assert!(metadata.is_key(&key) && !metadata.is_key(&other));
        let text = serde_json::to_string(&metadata).unwrap();
        assert!(!text.contains(&hex::encode([1; 32])) && !format!("{key:?}").contains('1'), "{text}");
    }

    /// Records of earlier versions have these field names.
    #[test]
    fn stored_metadata_keeps_its_names() {
        let metadata = SseMetadata::new(KeyOrigin::Kms("k".into()), &Key::new([1; 32])).unwrap();
        let text = serde_json::to_string(&metadata).unwrap();
        assert!(
            text.starts_with(r#"{"whose":{"Kms":"k"},"proof":["#) && text.contains(r#""nonces":[]"#),
            "{text}"
        );
        let meta = crate::store::meta::Meta { sse: Some(metadata), ..Default::default() };
        let text = serde_json::to_string(&meta).unwrap();
        assert!(text.contains(r#""sealed":{"whose""#), "{text}");
    }

    /// The test vector of NIST SP 800-38A, F.5.5 has another initial counter. This is AES-256 (FIPS 197) of a block of
    /// zeros under a key of zeros: the first block of counter mode that starts at zero.
    #[test]
    fn the_cipher_is_aes_256_in_counter_mode() {
        let mut cipher = ctr::Ctr128BE::<Aes256>::new((&[0; 32]).into(), (&[0; 16]).into());
        let mut bytes = [0; 16];
        cipher.apply_keystream(&mut bytes);
        assert_eq!(hex::encode(bytes), "dc95c078a2408989ad48a21492842087");
    }
}
