//! Another store as the backend: the objects of one of its buckets, or those below a prefix, under credentials of this
//! server's own.
//!
//! ```text
//! served_prefix  which names can be seen, and what they are in the other store
//! headers        which headers of requests and of responses are passed on
//! objects        reading, writing, copying, deleting
//! upload         bodies on their way through
//! listing        listings of objects, versions, uploads and parts
//! errors         failures, without a word about the account of the other store
//! ```
//!
//! Whoever has a key of this server may do with the objects what the account behind may, and nothing with the bucket:
//! not change its settings, not delete it, not give its objects to others, not lock them. Requests are made anew from
//! what was understood of them; nothing is passed on unread. Each is sent once: the client knows best whether to retry.

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

/// A bucket of another store, at work.
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

    /// Makes sure that the bucket can be reached, and learns which signature and region it wants: a body that has gone
    /// cannot be sent again. Who may not list it may have other rights.
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
            .query("prefix", remote.served.hidden());
        match remote.client.fetch_text(request).await {
            Ok(_) => {}
            Err(error) if error.code() == "AccessDenied" => {
                log::warn!("The bucket cannot be listed with the configured keys: {error}");
            }
            Err(error) => return Err(error),
        }
        Ok(remote)
    }

    /// Canonical id that all objects are shown to belong to: whose they are there is nobody's matter here.
    pub(crate) fn owner(&self) -> &str {
        self.users.first().map_or("", |user| &user.id)
    }

    /// Does what a request asks for.
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
                ("PUT", None) => Err(not_of_objects()),
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
            // What the account has set is nobody's matter here; clients ask for it when they show a bucket.
            Operation::GetDocument(document) => absent(document, self.served.bucket()),
            // rclone asks for its bucket before it begins, and goes on when it hears that it has it.
            Operation::CreateBucket => fail(
                ErrorCode::BucketAlreadyOwnedByYou,
                "The bucket is there already, and nothing else can be made here.",
            ),
            Operation::PostObject => Err(not_implemented("An upload by a form")),
            Operation::DeleteBucket
            | Operation::GetBucketPolicyStatus
            | Operation::PutBucketVersioning
            | Operation::PutObjectLockConfiguration
            | Operation::PutBucketAcl
            | Operation::PutDocument(_)
            | Operation::DeleteDocument(_)
            | Operation::UnsupportedOnDocument(_) => Err(not_of_objects()),
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
                Err(denied("Locks on objects cannot be set or passed by here."))
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

    /// A request for the bucket.
    fn ask_bucket(&self, method: Method) -> Request {
        Request::new(method, Some(self.served.bucket()), None)
    }

    /// A request for the object that a call names, with the version that it names.
    fn ask_object(&self, call: &Call, method: Method) -> S3Result<Request> {
        let key = self.served.real_key(call.key())?;
        let request = Request::new(method, Some(self.served.bucket()), Some(&key));
        Ok(match call.parameter("versionId") {
            Some(version) => request.query("versionId", version),
            None => request,
        })
    }

    async fn send(&self, request: Request) -> S3Result<Response> {
        self.client.send(request).await.map_err(|error| self.shown_error(&error))
    }

    /// Sends a request whose answer is a document: its headers, and what it says.
    async fn fetch(&self, request: Request) -> S3Result<(http::HeaderMap, String)> {
        let response = self.send(request).await?;
        let headers = response.headers.clone();
        let text = response.text().await.map_err(|error| self.shown_error(&error))?;
        Ok((headers, text))
    }

    /// [`Self::fetch`], read as a tree.
    async fn fetch_xml(&self, request: Request, root: &str) -> S3Result<(http::HeaderMap, xml::Node)> {
        let (headers, text) = self.fetch(request).await?;
        let node = xml::parse_any(text.as_bytes()).filter(|node| node.name == root).ok_or_else(|| {
            log::error!("serve: the store behind answers no '{root}'");
            S3Error::new(
                ErrorCode::InternalError,
                "The store behind this server gave an answer that is none.",
            )
        })?;
        Ok((headers, node))
    }

    fn list_buckets(&self, call: &Call) -> Reply {
        let is_meant = self.served.bucket().starts_with(call.parameter("prefix").unwrap_or_default());
        let mut xml = Writer::new("ListAllMyBucketsResult");
        acl::write_user(xml.open("Owner"), self.owner(), &self.users);
        xml.close().open("Buckets");
        if is_meant {
            xml.open("Bucket").text("Name", self.served.bucket());
            xml.text("CreationDate", xml::time(self.since)).close();
        }
        Reply::xml(xml.finish())
    }

    async fn head_bucket(&self) -> S3Result<Reply> {
        self.send(self.ask_bucket(Method::HEAD)).await.map_err(|mut error| {
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

    /// Documents that say nothing but what they are about.
    async fn pass_bucket_document(&self, sub: &str) -> S3Result<Reply> {
        let (_, text) = self.fetch(self.ask_bucket(Method::GET).query(sub, "")).await?;
        Ok(Reply::xml(text))
    }

    fn private_acl(&self) -> Reply {
        Reply::xml(Acl::private(self.owner()).to_xml(&self.users))
    }

    async fn get_acl(&self, call: &Call) -> S3Result<Reply> {
        self.send(self.ask_object(call, Method::HEAD)?).await?;
        Ok(self.private_acl())
    }

    /// Takes the ACL that [`Self::get_acl`] shows, which changes nothing, and refuses every other.
    async fn put_acl(&self, call: Call) -> S3Result<Reply> {
        headers::request_headers(&call, &[])?;
        let request = self.ask_object(&call, Method::HEAD)?;
        let has_header = call.header("x-amz-acl").is_some();
        let body = read_document(call).await?.1;
        if body.is_empty() && !has_header {
            return fail(ErrorCode::MissingSecurityHeader, "Your request was missing a required header");
        }
        if !body.is_empty() {
            let root = xml::parse(&body, &["AccessControlPolicy"])?;
            // Users that are not known here, too, are others.
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
    denied("Objects that are served here cannot be given to others.")
}

fn not_of_objects() -> S3Error {
    denied("This server is for the objects of a bucket; the bucket itself cannot be changed.")
}

/// Reads a short body off the async threads, and verifies it.
async fn read_document(mut call: Call) -> S3Result<(Call, Bytes)> {
    let read = tokio::task::spawn_blocking(move || {
        let body = call.payload.read_document()?;
        Ok((call, body))
    });
    read.await.map_err(|_| {
        S3Error::new(ErrorCode::InternalError, "We encountered an internal error. Please try again.")
    })?
}

/// [`read_document`] as a tree.
async fn read_xml(call: Call, root: &str) -> S3Result<(Call, xml::Node)> {
    let (call, body) = read_document(call).await?;
    let node = xml::parse(&body, &[root])?;
    Ok((call, node))
}
