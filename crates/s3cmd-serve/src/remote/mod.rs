//! Another store as the backend: the objects of one of its buckets, or those below a prefix of it. This server reaches
//! the upstream store with its own credentials.
//!
//! ```text
//! served_prefix  which names are visible, and their upstream names
//! headers        which request and response headers are passed on
//! objects        reading, writing, copying, deleting
//! upload         request bodies
//! listing        listings of objects, versions, uploads and parts
//! errors         upstream errors, without details of the upstream account
//! ```
//!
//! Every user of this server may do with the objects what the upstream account may do, but nothing with the bucket:
//! users cannot change its settings, delete it, grant others access to its objects, or lock them. Each upstream request
//! is built from the parsed request; nothing is passed on unparsed. Each is sent once: the client decides whether to
//! retry.

mod errors;
mod headers;
mod listing;
mod objects;
mod served_prefix;
mod upload;

use super::options::RemoteSource;
use super::route::{self, Operation};
use crate::auth::users::User;
use crate::directory::ops::documents::absent;
use crate::http::call::{Call, Reply};
use crate::model::acl::{self, Acl};
use crate::model::error::{ErrorCode, S3Error, S3Result, access_denied, fail, not_implemented};
use crate::model::xml::{self, Writer};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use headers::denied;
use http::Method;
use s3cmd_client::Client;
use s3cmd_client::error::Error;
use s3cmd_client::http::request::{Request, Response};
use served_prefix::ServedPrefix;
use std::sync::Arc;

/// A bucket of another store that is being served.
#[derive(Debug)]
pub(crate) struct Remote {
    client: Client,
    served: ServedPrefix,
    users: Arc<[User]>,
    region: String,
    read_only: bool,
    /// Whether connections are encrypted.
    secure: bool,
    since: DateTime<Utc>,
}

impl Remote {
    fn new(source: RemoteSource) -> S3Result<Self> {
        let options = source.client.options();
        let retry = options.retry.clone().with_max_retries(0);
        let client = Client::new(options.clone().with_retry(retry));
        Ok(Self {
            client,
            served: ServedPrefix::new(&source.bucket, &source.prefix)?,
            users: Arc::default(),
            region: String::new(),
            read_only: false,
            secure: false,
            since: Utc::now(),
        })
    }

    /// Checks that the bucket is reachable, and learns the signature and the region that it requires, because a body
    /// cannot be sent twice. A bucket that the account may not list is accepted: other permissions may suffice.
    pub(crate) async fn open(
        source: RemoteSource,
        users: Arc<[User]>,
        region: String,
        read_only: bool,
        secure: bool,
    ) -> Result<Self, Error> {
        let remote = Self::new(source).map_err(|error| Error::Invalid(error.message.into()))?;
        let remote = Self { users, region, read_only, secure, ..remote };
        let request = Request::new(Method::GET, Some(remote.served.bucket()), None)
            .query("max-keys", "1")
            .query("prefix", remote.served.prefix());
        match remote.client.fetch_text(request).await {
            Ok(_) => {}
            Err(error) if error.code() == "AccessDenied" => {
                log::warn!("The bucket cannot be listed with the configured credentials: {error}");
            }
            Err(error) => return Err(error),
        }
        Ok(remote)
    }

    /// The canonical id that is reported as the owner of every object, because the upstream owner is not disclosed.
    pub(crate) fn owner(&self) -> &str {
        self.users.first().map_or("", |user| &user.id)
    }

    /// Performs the operation that a request asks for.
    pub(crate) async fn answer(&self, call: Call) -> S3Result<Reply> {
        if call.user.is_none() {
            return Err(access_denied());
        }
        let operation = route::find(&call)?;
        if operation.writes() && self.read_only {
            return Err(route::read_only());
        }
        if let Some(bucket) = &call.bucket
            && bucket != self.served.bucket()
        {
            return match (call.method.as_str(), &call.key) {
                ("PUT", None) => Err(bucket_is_read_only()),
                _ => Err(S3Error::new(ErrorCode::NoSuchBucket, "The specified bucket does not exist")
                    .detail("BucketName", bucket)),
            };
        }
        match operation {
            Operation::ListBuckets => Ok(self.list_buckets(&call)),
            Operation::ListObjects => self.list_objects(&call).await,
            Operation::ListObjectVersions => self.list_versions(&call).await,
            Operation::ListMultipartUploads => self.list_uploads(&call).await,
            Operation::HeadBucket => self.head_bucket().await,
            Operation::GetBucketLocation => Ok(self.location()),
            Operation::GetBucketAcl => Ok(self.private_acl()),
            Operation::GetBucketVersioning => self.pass_bucket_document("versioning").await,
            Operation::GetObjectLockConfiguration => self.pass_bucket_document("object-lock").await,
            // The account's settings are not disclosed. Clients ask for them when they display a bucket.
            Operation::GetDocument(document) => absent(document, self.served.bucket()),
            // rclone creates its bucket before it begins, and continues after this error.
            Operation::CreateBucket => fail(
                ErrorCode::BucketAlreadyOwnedByYou,
                "The bucket exists already, and no other bucket can be created on this server.",
            ),
            Operation::PostObject => Err(not_implemented("A form upload")),
            Operation::DeleteBucket
            | Operation::GetBucketPolicyStatus
            | Operation::PutBucketVersioning
            | Operation::PutObjectLockConfiguration
            | Operation::PutBucketAcl
            | Operation::PutDocument(_)
            | Operation::DeleteDocument(_)
            | Operation::UnsupportedOnDocument(_) => Err(bucket_is_read_only()),
            Operation::DeleteObjects => self.delete_many(call).await,
            Operation::GetObject => self.get(&call).await,
            Operation::HeadObject => self.head(&call).await,
            Operation::PutObject => self.put_or_copy(call).await,
            Operation::DeleteObject => self.delete(&call).await,
            Operation::GetObjectAttributes => self.get_document(&call, "attributes").await,
            Operation::GetObjectTagging => self.get_document(&call, "tagging").await,
            Operation::GetObjectRetention => self.get_document(&call, "retention").await,
            Operation::GetObjectLegalHold => self.get_document(&call, "legal-hold").await,
            Operation::PutObjectTagging => self.put_tagging(call).await,
            Operation::DeleteObjectTagging => self.delete_tagging(&call).await,
            Operation::GetObjectAcl => self.get_acl(&call).await,
            Operation::PutObjectAcl => self.put_acl(call).await,
            Operation::PutObjectRetention | Operation::PutObjectLegalHold => {
                Err(denied("Object locks cannot be set or bypassed on this server."))
            }
            Operation::RestoreObject => self.restore(call).await,
            Operation::CreateMultipartUpload => self.create_upload(&call).await,
            Operation::UploadPart => self.put_part(call).await,
            Operation::CompleteMultipartUpload => self.complete_upload(call).await,
            Operation::AbortMultipartUpload => self.abort_upload(&call).await,
            Operation::ListParts => self.list_parts(&call).await,
            Operation::GetObjectTorrent => Err(not_implemented("GET torrent")),
        }
    }

    /// An upstream request for the bucket.
    fn bucket_request(&self, method: Method) -> Request {
        Request::new(method, Some(self.served.bucket()), None)
    }

    /// An upstream request for the object, and the version if any, that a call names.
    fn object_request(&self, call: &Call, method: Method) -> S3Result<Request> {
        let key = self.served.upstream_key(call.key())?;
        let request = Request::new(method, Some(self.served.bucket()), Some(&key));
        Ok(match call.parameter("versionId") {
            Some(version) => request.query("versionId", version),
            None => request,
        })
    }

    async fn send(&self, request: Request) -> S3Result<Response> {
        self.client.send(request).await.map_err(|error| self.error_for_client(&error))
    }

    /// Sends a request and reads the response: its headers and its body as text.
    async fn fetch(&self, request: Request) -> S3Result<(http::HeaderMap, String)> {
        let response = self.send(request).await?;
        let headers = response.headers.clone();
        let text = response.text().await.map_err(|error| self.error_for_client(&error))?;
        Ok((headers, text))
    }

    /// [`Self::fetch`], parsed as XML.
    async fn fetch_xml(&self, request: Request, root: &str) -> S3Result<(http::HeaderMap, xml::Node)> {
        let (headers, text) = self.fetch(request).await?;
        let node = xml::parse_any(text.as_bytes()).filter(|node| node.name == root).ok_or_else(|| {
            log::error!("serve: the upstream store's response is not a '{root}' document");
            S3Error::new(ErrorCode::InternalError, "The upstream store sent an invalid response.")
        })?;
        Ok((headers, node))
    }

    fn list_buckets(&self, call: &Call) -> Reply {
        let is_listed = self.served.bucket().starts_with(call.parameter("prefix").unwrap_or_default());
        let mut xml = Writer::new("ListAllMyBucketsResult");
        acl::write_user(xml.open("Owner"), self.owner(), &self.users);
        xml.close().open("Buckets");
        if is_listed {
            xml.open("Bucket").text("Name", self.served.bucket());
            xml.text("CreationDate", xml::time(self.since)).close();
        }
        Reply::xml(xml.finish())
    }

    async fn head_bucket(&self) -> S3Result<Reply> {
        self.send(self.bucket_request(Method::HEAD)).await.map_err(|mut error| {
            if error.status == 404 {
                error.code = ErrorCode::NoSuchBucket;
            }
            error
        })?;
        Ok(Reply::new(200).header("x-amz-bucket-region", &self.region))
    }

    fn location(&self) -> Reply {
        let mut xml = Writer::new("LocationConstraint");
        if self.region != "us-east-1" {
            xml.raw_text(&self.region);
        }
        Reply::xml(xml.finish())
    }

    /// Returns a bucket document that discloses nothing about the account.
    async fn pass_bucket_document(&self, sub: &str) -> S3Result<Reply> {
        let (_, text) = self.fetch(self.bucket_request(Method::GET).query(sub, "")).await?;
        Ok(Reply::xml(text))
    }

    fn private_acl(&self) -> Reply {
        Reply::xml(Acl::private(self.owner()).to_xml(&self.users))
    }

    async fn get_acl(&self, call: &Call) -> S3Result<Reply> {
        self.send(self.object_request(call, Method::HEAD)?).await?;
        Ok(self.private_acl())
    }

    /// Accepts the ACL that [`Self::get_acl`] returns, which changes nothing, and rejects every other.
    async fn put_acl(&self, call: Call) -> S3Result<Reply> {
        headers::request_headers(&call, &[])?;
        let request = self.object_request(&call, Method::HEAD)?;
        let has_header = call.header("x-amz-acl").is_some();
        let body = read_document(call).await?.1;
        if body.is_empty() && !has_header {
            return fail(ErrorCode::MissingSecurityHeader, "Your request was missing a required header");
        }
        if !body.is_empty() {
            let root = xml::parse(&body, &["AccessControlPolicy"])?;
            // An ACL that names unknown users grants access to others, too.
            let acl = Acl::from_xml(&root, self.owner(), &self.users);
            if acl.map_err(|_| denied_acl())? != Acl::private(self.owner()) {
                return Err(denied_acl());
            }
        }
        self.send(request).await?;
        Ok(Reply::new(200))
    }
}

fn denied_acl() -> S3Error {
    denied("Access to objects on this server cannot be granted to others.")
}

fn bucket_is_read_only() -> S3Error {
    denied("This server serves the objects of a bucket. The bucket itself cannot be changed.")
}

/// Reads and verifies a short body on a blocking thread.
async fn read_document(mut call: Call) -> S3Result<(Call, Bytes)> {
    let read = tokio::task::spawn_blocking(move || {
        let body = call.payload.read_document()?;
        Ok((call, body))
    });
    read.await.map_err(|_| {
        S3Error::new(ErrorCode::InternalError, "We encountered an internal error. Please try again.")
    })?
}

/// [`read_document`], parsed as XML.
async fn read_xml(call: Call, root: &str) -> S3Result<(Call, xml::Node)> {
    let (call, body) = read_document(call).await?;
    let node = xml::parse(&body, &[root])?;
    Ok((call, node))
}
