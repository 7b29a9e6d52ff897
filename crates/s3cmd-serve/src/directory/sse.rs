//! Encryption of objects: with a key that the client brings (SSE-C), or with keys of the server's own (SSE-S3, and
//! SSE-KMS with a name for the key).
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>
//!
//! The server's keys come from one random key in the directory that is served (`.s3cmd-serve/key`, for its owner
//! alone): they are worth what the secrecy of that file is worth. Counter mode hides; it does not tell whether somebody
//! changed the file, and such a file counts as a new object anyway.

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

const SERVER: &str = "x-amz-server-side-encryption";
const KMS_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const BUCKET_KEY: &str = "x-amz-server-side-encryption-bucket-key-enabled";
const CUSTOMER: &str = "server-side-encryption-customer-";
/// What stands before [`CUSTOMER`] for the object itself, and for the source of a copy.
const OWN: &str = "x-amz-";
const SOURCE: &str = "x-amz-copy-source-";

/// The headers that tell where the key of an object comes from.
fn origin_headers(origin: &KeyOrigin) -> Vec<(String, String)> {
    let pair = |name: String, value: &str| (name, value.to_owned());
    match origin {
        KeyOrigin::Customer(md5) => vec![
            pair(format!("{OWN}{CUSTOMER}algorithm"), "AES256"),
            pair(format!("{OWN}{CUSTOMER}key-md5"), md5),
        ],
        KeyOrigin::Server => vec![pair(SERVER.to_owned(), "AES256")],
        KeyOrigin::Kms(name) => {
            vec![pair(SERVER.to_owned(), "aws:kms"), pair(KMS_KEY.to_owned(), name)]
        }
    }
}

/// The server's key of an origin.
fn servers_key(origin: &KeyOrigin, server: &Server) -> S3Result<Key> {
    let root = server.store.secret()?;
    match origin {
        KeyOrigin::Kms(name) => Ok(root.derive("kms", name.as_bytes())),
        KeyOrigin::Server | KeyOrigin::Customer(_) => Ok(root.derive("s3", b"")),
    }
}

/// The key that a request brings; `before` says for what.
fn customer(call: &Call, before: &str) -> S3Result<Option<(Key, String)>> {
    let header = |name: &str| call.header(&format!("{before}{CUSTOMER}{name}"));
    let (algorithm, key, md5) = (header("algorithm"), header("key"), header("key-md5"));
    let bad = |message: &str| S3Error::new(ErrorCode::InvalidArgument, message);
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
            ErrorCode::InvalidEncryptionAlgorithmError,
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
fn asked(call: &Call, bucket: &Bucket) -> S3Result<Option<(KeyOrigin, Option<Key>)>> {
    let bad = |message: &str| S3Error::new(ErrorCode::InvalidArgument, message);
    let (method, name) = (call.header(SERVER), call.header(KMS_KEY));
    if let Some((key, md5)) = customer(call, OWN)? {
        return match (method, name) {
            (None, None) => Ok(Some((KeyOrigin::Customer(md5), Some(key)))),
            _ => Err(bad(
                "Server Side Encryption with Customer provided key is incompatible with the other kinds.",
            )),
        };
    }
    let origin = match (method, name) {
        (None, None) => bucket.config().default_encryption.clone(),
        (Some("AES256"), None) => Some(KeyOrigin::Server),
        (Some("aws:kms"), Some(name)) if !name.is_empty() => Some(KeyOrigin::Kms(name.to_owned())),
        (Some("aws:kms"), _) => {
            return Err(bad("aws:kms needs the id of a key: there is no default one here."));
        }
        (Some("aws:kms:dsse"), _) => return Err(not_implemented("aws:kms:dsse")),
        (None | Some("AES256"), Some(_)) => {
            return Err(bad("A KMS key id goes with x-amz-server-side-encryption: aws:kms."));
        }
        (Some(_), _) => return Err(bad("The encryption method specified is not supported")),
    };
    Ok(origin.map(|origin| (origin, None)))
}

/// Starts to encrypt a new object: what goes to its metadata, and the key. `None`: it stays as it is.
pub(crate) fn begin(
    server: &Server,
    call: &Call,
    bucket: &Bucket,
) -> S3Result<Option<(SseMetadata, ObjectCipher)>> {
    let Some((origin, key)) = asked(call, bucket)? else { return Ok(None) };
    let key = match key {
        Some(key) => key,
        None => servers_key(&origin, server)?,
    };
    let sealed = SseMetadata::new(origin, &key)?;
    Ok(Some((sealed, ObjectCipher::new(key, []))))
}

/// The key of something that is encrypted already: an object that is read, an upload that gets a part, or the source of
/// a copy.
pub(crate) fn unlock(
    server: &Server,
    call: &Call,
    meta: &Meta,
    size: u64,
    context: SseContext,
) -> S3Result<Option<ObjectCipher>> {
    if context == SseContext::Object
        && let Some((name, _)) =
            call.headers.iter().find(|(name, _)| [SERVER, KMS_KEY, BUCKET_KEY].contains(&name.as_str()))
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
            "The file of this object was changed from outside, and is not what was encrypted.",
        );
    }
    let brought = customer(call, if context == SseContext::Source { SOURCE } else { OWN })?;
    let Some(sealed) = &meta.sse else {
        return match brought {
            None => Ok(None),
            Some(_) => fail(
                ErrorCode::InvalidRequest,
                "The encryption parameters are not applicable to this object.",
            ),
        };
    };
    let key = match (&sealed.origin, brought) {
        (KeyOrigin::Customer(_), Some((key, _))) if sealed.is_key(&key) => key,
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
            let key = servers_key(origin, server)?;
            if !sealed.is_key(&key) {
                return fail(
                    ErrorCode::AccessDenied,
                    "The server's key that encrypted this is not there any more.",
                );
            }
            key
        }
    };
    let sizes = if meta.parts.is_empty() { &[size][..] } else { &meta.parts };
    let segments = sizes.iter().copied().zip(sealed.nonces.iter().map(String::as_str));
    Ok(Some(ObjectCipher::new(key, segments)))
}

/// Whose key [`unlock`] wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SseContext {
    /// An object that is read.
    Object,
    /// An upload that gets a part.
    Upload,
    /// The source of a copy.
    Source,
}

/// The headers that tell how an object is encrypted.
pub(crate) fn headers(meta: &Meta) -> Vec<(String, String)> {
    meta.sse.as_ref().map(|sealed| origin_headers(&sealed.origin)).unwrap_or_default()
}
