//! Encryption of objects: with a key that the client brings (SSE-C), or with keys of the server's own (SSE-S3, and SSE-KMS
//! with a name for the key).
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>
//!
//! What a PUT or each part brings is a segment. Its cipher is AES-256 in counter mode, from zero, under a key of its own:
//! HMAC-SHA-256 of the object's key over a random nonce. No two segments share a key, so a counter never meets the same
//! key twice, and a range is read from its place. A client's key is not kept: another HMAC of it, over a nonce too, tells
//! whether the key that comes with a read is the one. The ETag stays the MD5 of the content, as in Ceph.
//! The MD5 of the encrypted bytes is kept beside it: by that a file that was copied or restored is known again.
//!
//! The server's keys come from one random key in the directory that is served (`.s3cmd-serve/key`, for its owner alone):
//! they are worth what the secrecy of that file is worth. Counter mode hides; it does not tell whether somebody changed the
//! file, and such a file counts as a new object anyway.

use super::call::Call;
use super::error::{S3Error, S3Result, fail, not_implemented};
use super::state::Server;
use super::store::bucket::Bucket;
use super::store::meta::Meta;
use super::xml::{self, Node};
use crate::digest::{Digest, Md5};
use aes::Aes256;
use aes::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const SERVER: &str = "x-amz-server-side-encryption";
const KMS_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const BUCKET_KEY: &str = "x-amz-server-side-encryption-bucket-key-enabled";
const CUSTOMER: &str = "server-side-encryption-customer-";
/// What stands before [`CUSTOMER`] for the object itself, and for the source of a copy.
const OWN: &str = "x-amz-";
const SOURCE: &str = "x-amz-copy-source-";

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
    fn derive(&self, purpose: &str, what: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("any length will do");
        mac.update(purpose.as_bytes());
        mac.update(what);
        Self::new(mac.finalize().into_bytes().into())
    }
}

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Whose {
    /// The client's; the MD5 of it in base64.
    Customer(String),
    Server,
    /// The server's, under a name.
    Kms(String),
}

impl Whose {
    fn headers(&self) -> Vec<(String, String)> {
        let pair = |name: String, value: &str| (name, value.to_owned());
        match self {
            Self::Customer(md5) => vec![
                pair(format!("{OWN}{CUSTOMER}algorithm"), "AES256"),
                pair(format!("{OWN}{CUSTOMER}key-md5"), md5),
            ],
            Self::Server => vec![pair(SERVER.to_owned(), "AES256")],
            Self::Kms(name) => {
                vec![pair(SERVER.to_owned(), "aws:kms"), pair(KMS_KEY.to_owned(), name)]
            }
        }
    }

    /// The server's key of that kind.
    fn servers_key(&self, server: &Server) -> S3Result<Key> {
        let root = server.store.secret()?;
        match self {
            Self::Kms(name) => Ok(root.derive("kms", name.as_bytes())),
            Self::Server | Self::Customer(_) => Ok(root.derive("s3", b"")),
        }
    }
}

/// How an object is encrypted, as it is kept with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sealed {
    pub(crate) whose: Whose,
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
pub(crate) struct Segment {
    pub(crate) nonce: String,
    /// The MD5 of the encrypted bytes.
    pub(crate) digest: String,
}

impl Sealed {
    fn new(whose: Whose, key: &Key) -> S3Result<Self> {
        let nonce = nonce()?;
        let proof = key.derive("proof", nonce.as_bytes());
        Ok(Self { whose, proof: (nonce, hex::encode(*proof.0)), nonces: Vec::new(), digests: Vec::new() })
    }

    /// Of an object of one segment.
    pub(crate) fn of_one(mut self, segment: Option<Segment>) -> Self {
        (self.nonces, self.digests) =
            segment.into_iter().map(|segment| (segment.nonce, segment.digest)).unzip();
        self
    }

    fn is_key(&self, key: &Key) -> bool {
        let computed = hex::encode(*key.derive("proof", self.proof.0.as_bytes()).0);
        computed.as_bytes().ct_eq(self.proof.1.as_bytes()).into()
    }
}

fn nonce() -> S3Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| S3Error::new("InternalError", "No random numbers."))?;
    Ok(hex::encode(random))
}

/// Encrypts one segment as it is written.
pub(crate) struct Sealer {
    nonce: String,
    cipher: ctr::Ctr128BE<Aes256>,
    md5: Md5,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(***)")
    }
}

fn cipher(key: &Key, nonce: &str) -> ctr::Ctr128BE<Aes256> {
    let key = key.derive("segment", nonce.as_bytes());
    ctr::Ctr128BE::<Aes256>::new((&*key.0).into(), (&[0; 16]).into())
}

impl Sealer {
    pub(crate) fn apply(&mut self, bytes: &mut [u8]) {
        self.cipher.apply_keystream(bytes);
        self.md5.update(bytes);
    }

    /// The segment, after its last byte.
    pub(crate) fn finish(self) -> Segment {
        Segment { nonce: self.nonce, digest: hex::encode(self.md5.finalize()) }
    }
}

/// The key of an object that is being read or written, and how it is cut.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    key: Key,
    /// Start and length of each segment, with its nonce.
    segments: Arc<[(u64, u64, String)]>,
}

impl Seal {
    /// A cipher for a new segment.
    pub(crate) fn sealer(&self) -> S3Result<Sealer> {
        let nonce = nonce()?;
        let cipher = cipher(&self.key, &nonce);
        Ok(Sealer { nonce, cipher, md5: Md5::new() })
    }

    /// Decrypts bytes that were read at an offset.
    pub(crate) fn open(&self, offset: u64, bytes: &mut [u8]) {
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

/// The key that a request brings; `before` says for what.
fn customer(call: &Call, before: &str) -> S3Result<Option<(Key, String)>> {
    let header = |name: &str| call.header(&format!("{before}{CUSTOMER}{name}"));
    let (algorithm, key, md5) = (header("algorithm"), header("key"), header("key-md5"));
    let bad = |message: &str| S3Error::new("InvalidArgument", message);
    let (algorithm, key, md5) = match (algorithm, key, md5) {
        (None, None, None) => return Ok(None),
        (Some(algorithm), Some(key), Some(md5)) => (algorithm, key, md5),
        _ => {
            return Err(bad(
                "Requests specifying Server Side Encryption with Customer provided keys must provide the algorithm, the \
                 secret key and its MD5.",
            ));
        }
    };
    if algorithm != "AES256" {
        return fail(
            "InvalidEncryptionAlgorithmError",
            "The encryption request you specified is not valid. The valid value is AES256.",
        );
    }
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(key.trim()).unwrap_or_default());
    let secret: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| bad("The secret key was invalid for the specified algorithm."))?;
    let computed = BASE64_STANDARD.encode(Md5::digest(secret));
    if computed != md5.trim() {
        return Err(bad("The calculated MD5 hash of the key did not match the hash that was provided."));
    }
    Ok(Some((Key::new(secret), computed)))
}

/// What the headers of a write ask for, else the bucket's document.
fn asked(call: &Call, bucket: &Bucket) -> S3Result<Option<(Whose, Option<Key>)>> {
    let bad = |message: &str| S3Error::new("InvalidArgument", message);
    let (method, name) = (call.header(SERVER), call.header(KMS_KEY));
    if let Some((key, md5)) = customer(call, OWN)? {
        return match (method, name) {
            (None, None) => Ok(Some((Whose::Customer(md5), Some(key)))),
            _ => Err(bad(
                "Server Side Encryption with Customer provided key is incompatible with the other kinds.",
            )),
        };
    }
    let whose = match (method, name) {
        (None, None) => default_of(bucket),
        (Some("AES256"), None) => Some(Whose::Server),
        (Some("aws:kms"), Some(name)) if !name.is_empty() => Some(Whose::Kms(name.to_owned())),
        (Some("aws:kms"), _) => {
            return Err(bad("aws:kms needs the id of a key: there is no default one here."));
        }
        (Some("aws:kms:dsse"), _) => return Err(not_implemented("aws:kms:dsse")),
        (None | Some("AES256"), Some(_)) => {
            return Err(bad("A KMS key id goes with x-amz-server-side-encryption: aws:kms."));
        }
        (Some(_), _) => return Err(bad("The encryption method specified is not supported")),
    };
    Ok(whose.map(|whose| (whose, None)))
}

/// Starts to encrypt a new object: what goes to its metadata, and the key. `None`: it stays as it is.
pub(crate) fn begin(server: &Server, call: &Call, bucket: &Bucket) -> S3Result<Option<(Sealed, Seal)>> {
    let Some((whose, key)) = asked(call, bucket)? else { return Ok(None) };
    let key = match key {
        Some(key) => key,
        None => whose.servers_key(server)?,
    };
    let sealed = Sealed::new(whose, &key)?;
    Ok(Some((sealed, Seal { key, segments: Arc::from([]) })))
}

/// The key of something that is encrypted already: an object that is read, an upload that gets a part, or the source of a
/// copy.
pub(crate) fn unlock(server: &Server, call: &Call, meta: &Meta, size: u64, of: Of) -> S3Result<Option<Seal>> {
    if of == Of::Object
        && let Some((name, _)) =
            call.headers.iter().find(|(name, _)| [SERVER, KMS_KEY, BUCKET_KEY].contains(&name.as_str()))
    {
        return Err(S3Error::new(
            "InvalidArgument",
            format!("{name} header is not supported for this operation."),
        )
        .detail("ArgumentName", name.clone()));
    }
    if meta.damaged {
        return fail(
            "InternalError",
            "The file of this object was changed from outside, and is not what was encrypted.",
        );
    }
    let brought = customer(call, if of == Of::Source { SOURCE } else { OWN })?;
    let Some(sealed) = &meta.sealed else {
        return match brought {
            None => Ok(None),
            Some(_) => fail("InvalidRequest", "The encryption parameters are not applicable to this object."),
        };
    };
    let key = match (&sealed.whose, brought) {
        (Whose::Customer(_), Some((key, _))) if sealed.is_key(&key) => key,
        (Whose::Customer(_), Some(_)) => {
            return fail(
                "InvalidRequest",
                "The provided encryption parameters did not match the ones used originally.",
            );
        }
        (Whose::Customer(_), None) => {
            return fail(
                "InvalidRequest",
                "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to \
                 retrieve the object.",
            );
        }
        (_, Some(_)) => {
            return fail("InvalidRequest", "The encryption parameters are not applicable to this object.");
        }
        (whose, None) => {
            let key = whose.servers_key(server)?;
            if !sealed.is_key(&key) {
                return fail("AccessDenied", "The server's key that encrypted this is not there any more.");
            }
            key
        }
    };
    let sizes = if meta.parts.is_empty() { vec![size] } else { meta.parts.clone() };
    let mut start = 0;
    let cut = sizes.iter().zip(&sealed.nonces).map(|(length, nonce)| {
        start += length;
        (start - length, *length, nonce.clone())
    });
    Ok(Some(Seal { segments: cut.collect(), key }))
}

/// What [`unlock`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Object,
    Upload,
    Source,
}

/// The headers that tell how an object is encrypted.
pub(crate) fn headers(meta: &Meta) -> Vec<(String, String)> {
    meta.sealed.as_ref().map(|sealed| sealed.whose.headers()).unwrap_or_default()
}

/// What the bucket's document asks for where a write does not say.
fn default_of(bucket: &Bucket) -> Option<Whose> {
    let text = bucket.document("encryption")?;
    let root = xml::parse(text.as_bytes(), &["ServerSideEncryptionConfiguration"]).ok()?;
    read_default(&root).ok()
}

fn read_default(root: &Node) -> S3Result<Whose> {
    let bad = || super::error::malformed_xml();
    let rule = root.child("Rule").ok_or_else(bad)?;
    let default = rule.child("ApplyServerSideEncryptionByDefault").ok_or_else(bad)?;
    let name = default.value("KMSMasterKeyID").map(str::trim).filter(|name| !name.is_empty());
    match (default.value("SSEAlgorithm").map(str::trim), name) {
        (Some("AES256"), None) => Ok(Whose::Server),
        (Some("AES256"), Some(_)) => fail(
            "InvalidArgument",
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms",
        ),
        (Some("aws:kms"), Some(name)) => Ok(Whose::Kms(name.to_owned())),
        (Some("aws:kms"), None) => {
            fail("InvalidArgument", "aws:kms needs the id of a key: there is no default one here.")
        }
        _ => Err(bad()),
    }
}

/// Checks a bucket's encryption document.
pub(crate) fn check_default(root: &Node) -> S3Result<()> {
    read_default(root).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_read_from_any_place() {
        let key = Key::new([7; 32]);
        let mut seal = Seal { key, segments: Arc::from([]) };
        let plain: Vec<u8> = (0..100_u8).collect();
        let mut segments = Vec::new();
        let mut stored = Vec::new();
        for piece in [&plain[..33], &plain[33..64], &plain[64..]] {
            let mut sealer = seal.sealer().unwrap();
            let mut bytes = piece.to_vec();
            // However it comes in.
            let (a, b) = bytes.split_at_mut(piece.len() / 2);
            sealer.apply(a);
            sealer.apply(b);
            let segment = sealer.finish();
            assert_eq!(segment.digest, hex::encode(Md5::digest(&bytes)));
            segments.push((stored.len() as u64, piece.len() as u64, segment.nonce));
            stored.extend(bytes);
        }
        assert_ne!(stored, plain);
        seal.segments = segments.into();
        for start in [0, 1, 16, 32, 33, 40, 64, 99] {
            for end in start..=100 {
                let mut bytes = stored[start..end].to_vec();
                seal.open(start as u64, &mut bytes);
                assert_eq!(bytes, plain[start..end], "{start}..{end}");
            }
        }
    }

    #[test]
    fn a_key_is_known_again_and_not_kept() {
        let (key, other) = (Key::new([1; 32]), Key::new([2; 32]));
        let sealed = Sealed::new(Whose::Server, &key).unwrap();
        assert!(sealed.is_key(&key) && !sealed.is_key(&other));
        let text = serde_json::to_string(&sealed).unwrap();
        assert!(!text.contains(&hex::encode([1; 32])) && !format!("{key:?}").contains('1'), "{text}");
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
