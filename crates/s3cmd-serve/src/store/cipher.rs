//! Encryption of content: the keys, the ciphers, and what is kept of them with an object.
//!
//! What a PUT or each part brings is a segment. Its cipher is AES-256 in counter mode, from zero, under a key of its
//! own: HMAC-SHA-256 of the object's key over a random nonce. No two segments share a key, so a counter never meets the
//! same key twice, and a range is read from its place. A client's key is not kept: another HMAC of it, over a nonce
//! too, tells whether the key that comes with a read is the one. The ETag stays the MD5 of the content, as in Ceph. The
//! MD5 of the encrypted bytes is kept beside it: by that a file that was copied or restored is known again.

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

/// A key of 256 bits.
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

    /// Another key, for a purpose.
    pub(crate) fn derive(&self, purpose: &str, what: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("any length will do");
        mac.update(purpose.as_bytes());
        mac.update(what);
        Self::new(mac.finalize().into_bytes().into())
    }
}

/// Where the key comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyOrigin {
    /// The client; the MD5 of the key in base64.
    Customer(String),
    /// The server.
    Server,
    /// The server, under a name.
    Kms(String),
}

/// How an object is encrypted, as it is kept with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SseMetadata {
    #[serde(rename = "whose")]
    pub(crate) origin: KeyOrigin,
    /// Nonce and HMAC by which the key is known again; hex.
    proof: (String, String),
    /// The nonces of the segments: of the parts, or of the whole object; hex.
    pub(crate) nonces: Vec<String>,
    /// The MD5s of the segments as they lie on the disk, encrypted; hex. Empty in records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) digests: Vec<String>,
}

/// What is known of a segment that was encrypted; hex.
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

    /// The metadata of an object of one segment.
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

/// Encrypts one segment as it is written.
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

    /// The segment, after its last byte.
    pub(crate) fn finish(self) -> EncryptedSegment {
        EncryptedSegment { nonce: self.nonce, digest: hex::encode(self.md5.finalize()) }
    }
}

/// The key of an object that is being read or written, and how it is cut.
#[derive(Clone, Debug)]
pub(crate) struct ObjectCipher {
    key: Key,
    /// Start and length of each segment, with its nonce.
    segments: Arc<[(u64, u64, String)]>,
}

impl ObjectCipher {
    /// The cipher of an object that is cut into these segments: the length of each, with its nonce.
    pub(crate) fn new<'a>(key: Key, segments: impl IntoIterator<Item = (u64, &'a str)>) -> Self {
        let mut start = 0;
        let cut = segments.into_iter().map(|(length, nonce)| {
            start += length;
            (start - length, length, nonce.to_owned())
        });
        Self { segments: cut.collect(), key }
    }

    /// A cipher for a new segment.
    pub(crate) fn new_segment(&self) -> S3Result<SegmentCipher> {
        let nonce = nonce()?;
        let cipher = cipher(&self.key, &nonce);
        Ok(SegmentCipher { nonce, cipher, md5: Md5::new() })
    }

    /// Decrypts bytes that were read at an offset.
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
    fn a_segment_is_read_from_any_place() {
        let key = Key::new([7; 32]);
        let mut cipher = ObjectCipher { key, segments: Arc::from([]) };
        let plain: Vec<u8> = (0..100_u8).collect();
        let mut segments = Vec::new();
        let mut stored = Vec::new();
        for piece in [&plain[..33], &plain[33..64], &plain[64..]] {
            let mut encryptor = cipher.new_segment().unwrap();
            let mut bytes = piece.to_vec();
            // However it comes in.
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
    fn a_key_is_known_again_and_not_kept() {
        let (key, other) = (Key::new([1; 32]), Key::new([2; 32]));
        let metadata = SseMetadata::new(KeyOrigin::Server, &key).unwrap();
        assert!(metadata.is_key(&key) && !metadata.is_key(&other));
        let text = serde_json::to_string(&metadata).unwrap();
        assert!(!text.contains(&hex::encode([1; 32])) && !format!("{key:?}").contains('1'), "{text}");
    }

    /// Earlier versions wrote these names, and have to be read.
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

    /// NIST SP 800-38A, F.5.5 has its counter elsewhere; this is FIPS 197's AES-256 of a block of zeros under a key of
    /// zeros, as every implementation of counter mode from zero begins.
    #[test]
    fn the_cipher_is_aes_256_in_counter_mode() {
        let mut cipher = ctr::Ctr128BE::<Aes256>::new((&[0; 32]).into(), (&[0; 16]).into());
        let mut bytes = [0; 16];
        cipher.apply_keystream(&mut bytes);
        assert_eq!(hex::encode(bytes), "dc95c078a2408989ad48a21492842087");
    }
}
