//! Server-side encryption: with a key from the client (SSE-C), or with keys of the server (SSE-S3, and SSE-KMS with a
//! named key).
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>
//!
//! The server's keys are derived from one random key in the served directory (`.s3cmd-serve/key`, readable only by its
//! owner); they are only as secret as that file. Counter mode does not detect modification; a modified file is treated
//! as a new object anyway.

use super::state::Server;
use crate::http::call::Call;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail, not_implemented};
use crate::store::bucket::Bucket;
use crate::store::cipher::{Key, KeyOrigin, ObjectCipher, SseMetadata};
use crate::store::meta::Meta;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use s3cmd_client::digest::{Digest, Md5};
use zeroize::Zeroizing;

const ENCRYPTION: &str = "x-amz-server-side-encryption";
const KMS_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const BUCKET_KEY: &str = "x-amz-server-side-encryption-bucket-key-enabled";
const CUSTOMER: &str = "server-side-encryption-customer-";
/// The prefix of [`CUSTOMER`] for the object itself.
const OBJECT_PREFIX: &str = "x-amz-";
/// The prefix of [`CUSTOMER`] for the source of a copy.
const SOURCE_PREFIX: &str = "x-amz-copy-source-";

/// The response headers for the key origin of an object.
fn origin_headers(origin: &KeyOrigin) -> Vec<(String, String)> {
    let pair = |name: String, value: &str| (name, value.to_owned());
    match origin {
        KeyOrigin::Customer(md5) => vec![
            pair(format!("{OBJECT_PREFIX}{CUSTOMER}algorithm"), "AES256"),
            pair(format!("{OBJECT_PREFIX}{CUSTOMER}key-md5"), md5),
        ],
        KeyOrigin::Server => vec![pair(ENCRYPTION.to_owned(), "AES256")],
        KeyOrigin::Kms(name) => {
            vec![pair(ENCRYPTION.to_owned(), "aws:kms"), pair(KMS_KEY.to_owned(), name)]
        }
    }
}

/// Derives the server's key for an origin.
fn server_key(origin: &KeyOrigin, server: &Server) -> S3Result<Key> {
    let root = server.store.master_key()?;
    match origin {
        KeyOrigin::Kms(name) => Ok(root.derive("kms", name.as_bytes())),
        KeyOrigin::Server | KeyOrigin::Customer(_) => Ok(root.derive("s3", b"")),
    }
}

/// The customer's key in a request, with its MD5 in base64; `prefix` selects the object's or the copy source's headers.
/// `None` if there are no such headers.
fn customer_key(call: &Call, prefix: &str) -> S3Result<Option<(Key, String)>> {
    let header = |name: &str| call.header(&format!("{prefix}{CUSTOMER}{name}"));
    let (algorithm, key, md5) = (header("algorithm"), header("key"), header("key-md5"));
    let invalid = |message: &str| S3Error::new(ErrorCode::InvalidArgument, message);
    let (algorithm, key, md5) = match (algorithm, key, md5) {
        (None, None, None) => return Ok(None),
        (Some(algorithm), Some(key), Some(md5)) => (algorithm, key, md5),
        _ => {
            return Err(invalid(
                "Requests specifying Server Side Encryption with Customer provided keys must provide the algorithm, the \
                 secret key and its MD5.",
            ));
        }
    };
    if algorithm != "AES256" {
        return fail(
            ErrorCode::InvalidEncryptionAlgorithmError,
            "The encryption request you specified is not valid. The valid value is AES256.",
        );
    }
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(key.trim()).unwrap_or_default());
    let secret: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| invalid("The secret key was invalid for the specified algorithm."))?;
    let computed = BASE64_STANDARD.encode(Md5::digest(secret));
    if computed != md5.trim() {
        return Err(invalid("The calculated MD5 hash of the key did not match the hash that was provided."));
    }
    Ok(Some((Key::new(secret), computed)))
}

/// The encryption that the headers of a write request, or else the bucket's default encryption; `None` if neither.
fn requested_encryption(call: &Call, bucket: &Bucket) -> S3Result<Option<(KeyOrigin, Option<Key>)>> {
    let invalid = |message: &str| S3Error::new(ErrorCode::InvalidArgument, message);
    let (method, name) = (call.header(ENCRYPTION), call.header(KMS_KEY));
    if let Some((key, md5)) = customer_key(call, OBJECT_PREFIX)? {
        return match (method, name) {
            (None, None) => Ok(Some((KeyOrigin::Customer(md5), Some(key)))),
            _ => Err(invalid(
                "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
            )),
        };
    }
    let origin = match (method, name) {
        (None, None) => bucket.config().default_encryption.clone(),
        (Some("AES256"), None) => Some(KeyOrigin::Server),
        (Some("aws:kms"), Some(name)) if !name.is_empty() => Some(KeyOrigin::Kms(name.to_owned())),
        (Some("aws:kms"), _) => {
            return Err(invalid("aws:kms requires a key id: this server has no default key."));
        }
        (Some("aws:kms:dsse"), _) => return Err(not_implemented("aws:kms:dsse")),
        (None | Some("AES256"), Some(_)) => {
            return Err(invalid("A KMS key id requires x-amz-server-side-encryption: aws:kms."));
        }
        (Some(_), _) => return Err(invalid("The encryption method specified is not supported")),
    };
    Ok(origin.map(|origin| (origin, None)))
}

/// Prepares the encryption of a new object: its metadata and the cipher. `None` if the object is not encrypted.
pub(crate) fn begin(
    server: &Server,
    call: &Call,
    bucket: &Bucket,
) -> S3Result<Option<(SseMetadata, ObjectCipher)>> {
    let Some((origin, key)) = requested_encryption(call, bucket)? else { return Ok(None) };
    let key = match key {
        Some(key) => key,
        None => server_key(&origin, server)?,
    };
    let metadata = SseMetadata::new(origin, &key)?;
    Ok(Some((metadata, ObjectCipher::new(key, []))))
}

/// The cipher of existing encrypted data: an object that is read, an upload that receives a part, or the source of a
/// copy. `None` if the data is not encrypted. Fails if the key is missing or wrong.
pub(crate) fn unlock(
    server: &Server,
    call: &Call,
    meta: &Meta,
    size: u64,
    context: SseContext,
) -> S3Result<Option<ObjectCipher>> {
    if context == SseContext::Object
        && let Some((name, _)) =
            call.headers.iter().find(|(name, _)| [ENCRYPTION, KMS_KEY, BUCKET_KEY].contains(&name.as_str()))
    {
        return Err(S3Error::new(
            ErrorCode::InvalidArgument,
            format!("{name} header is not supported for this operation."),
        )
        .detail("ArgumentName", name.clone()));
    }
    if meta.damaged {
        return fail(
            ErrorCode::InternalError,
            "The file of this object was modified outside the server and cannot be decrypted.",
        );
    }
    let provided =
        customer_key(call, if context == SseContext::Source { SOURCE_PREFIX } else { OBJECT_PREFIX })?;
    let Some(metadata) = &meta.sse else {
        return match provided {
            None => Ok(None),
            Some(_) => fail(
                ErrorCode::InvalidRequest,
                "The encryption parameters are not applicable to this object.",
            ),
        };
    };
    let key = match (&metadata.origin, provided) {
        (KeyOrigin::Customer(_), Some((key, _))) if metadata.is_key(&key) => key,
        (KeyOrigin::Customer(_), Some(_)) => {
            return fail(
                ErrorCode::InvalidRequest,
                "The provided encryption parameters did not match the ones used originally.",
            );
        }
        (KeyOrigin::Customer(_), None) => {
            return fail(
                ErrorCode::InvalidRequest,
                "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to \
                 retrieve the object.",
            );
        }
        (_, Some(_)) => {
            return fail(
                ErrorCode::InvalidRequest,
                "The encryption parameters are not applicable to this object.",
            );
        }
        (origin, None) => {
            let key = server_key(origin, server)?;
            if !metadata.is_key(&key) {
                return fail(
                    ErrorCode::AccessDenied,
                    "The server key that encrypted this object is no longer available.",
                );
            }
            key
        }
    };
    let sizes = if meta.parts.is_empty() { &[size][..] } else { &meta.parts };
    let segments = sizes.iter().copied().zip(metadata.nonces.iter().map(String::as_str));
    Ok(Some(ObjectCipher::new(key, segments)))
}

/// What [`unlock`] needs the key for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SseContext {
    /// An object that is read.
    Object,
    /// An upload that receives a part.
    Upload,
    /// The source of a copy.
    Source,
}

/// The response headers that report how an object is encrypted.
pub(crate) fn headers(meta: &Meta) -> Vec<(String, String)> {
    meta.sse.as_ref().map(|metadata| origin_headers(&metadata.origin)).unwrap_or_default()
}
