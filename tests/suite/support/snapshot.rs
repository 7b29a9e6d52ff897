//! A snapshot of a world, one fact per line, to compare two worlds: every file with its mode, time and content, every
//! object with its headers, content, grants and tags. Objects are read by requests of the library, not by a command.

use crate::support::env::TestEnv;
use crate::support::service::{Service, User};
use futures::{StreamExt, TryStreamExt, stream};
use http::Method;
use md5::{Digest, Md5};
use regex::Regex;
use s3cmd_client::client::{Client, ClientOptions};
use s3cmd_client::credentials::Credentials;
use s3cmd_client::endpoint::Endpoint;
use s3cmd_client::error::{Error, Result};
use s3cmd_client::http::request::Request;
use s3cmd_client::list::ListOptions;
use s3cmd_client::ops::cloudfront::{CloudFront, Distribution};
use s3cmd_client::ops::multipart::UploadRef;
use s3cmd_client::ops::object::{Head, Outgoing};
use std::os::unix::fs::MetadataExt;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Headers that describe a response or a moment, not the object.
const PASSING: &[&str] = &[
    "date",
    "last-modified",
    "x-amz-request-id",
    "x-amz-id-2",
    "x-amz-version-id",
    "connection",
    "keep-alive",
    "server",
    "accept-ranges",
];

/// An object that a test stores directly.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    pub(crate) key: String,
    pub(crate) content: Vec<u8>,
    pub(crate) headers: Vec<(String, String)>,
}

/// The service, reached directly.
#[derive(Debug)]
pub(crate) struct Store {
    client: Client,
    runtime: tokio::runtime::Runtime,
}

impl Store {
    /// As the main user.
    pub(crate) fn new(service: &Service) -> Self {
        Self::by(service, &service.main)
    }

    /// As one of the users.
    pub(crate) fn by(service: &Service, user: &User) -> Self {
        let credentials = Credentials::new(&user.access, &user.secret, None);
        let endpoint = Endpoint::new(&service.host, &service.host, false, true);
        let mut options = ClientOptions::new(endpoint, Some(credentials));
        options.region = "us-east-1".to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { client: Client::new(options), runtime }
    }

    /// Makes a bucket.
    pub(crate) fn create(&self, bucket: &str) {
        let create = self.client.send(Request::new(Method::PUT, Some(bucket), None));
        self.runtime.block_on(create).expect("the bucket is made");
    }

    /// Removes a bucket with all its content, if it exists.
    pub(crate) fn remove(&self, bucket: &str) {
        self.sweep(bucket);
        let remove = async {
            for key in self.list(bucket).await.unwrap_or_default() {
                let _ = self.client.delete_object(bucket, &key).await;
            }
            // What cannot be removed now is left: the test has its result.
            let _ = self.client.delete_bucket(bucket).await;
        };
        self.runtime.block_on(remove);
    }

    /// The id of this user, as grants name it.
    pub(crate) fn id(&self) -> String {
        let list = async {
            let answer = self.client.send(Request::new(Method::GET, None, None)).await?;
            answer.text().await
        };
        let text = self.runtime.block_on(list).expect("the buckets are listed");
        OWNER.captures(&text).map(|owner| owner[1].to_owned()).expect("an owner")
    }

    /// Stores objects in a bucket.
    pub(crate) fn put(&self, bucket: &str, seeds: &[Seed]) {
        let put = |seed: Seed| async move {
            let data = Outgoing::new(bytes::Bytes::from(seed.content));
            self.client.put_object(bucket, &seed.key, data, &seed.headers).await.map(drop)
        };
        let all = stream::iter(seeds.to_vec()).map(put).buffered(8).try_collect::<Vec<()>>();
        self.runtime.block_on(all).expect("the objects are stored");
    }

    /// A document of a bucket or an object, or the error code.
    pub(crate) fn document(&self, bucket: &str, key: Option<&str>, name: &str) -> String {
        let get = async {
            let request = Request::new(Method::GET, Some(bucket), key).query(name, "");
            self.client.send(request).await?.text().await
        };
        self.runtime.block_on(get).unwrap_or_else(|error| code(&error))
    }

    /// Begins a multipart upload, with one part.
    pub(crate) fn begin_upload(&self, bucket: &str, key: &str) -> String {
        let begin = async {
            let id = self.client.create_upload(bucket, key, &[]).await?;
            let payload = bytes::Bytes::from(vec![b'x'; 5 << 20]);
            let part = Outgoing::new(payload);
            self.client.upload_part(UploadRef { bucket, key, id: &id }, 1, part).await?;
            Ok::<_, Error>(id)
        };
        self.runtime.block_on(begin).expect("an upload is begun")
    }

    /// Removes all versions of all objects, protected or not.
    fn sweep(&self, bucket: &str) {
        let versions = self.document(bucket, None, "versions");
        let sweep = async {
            for version in VERSION.captures_iter(&versions) {
                let request = |method| {
                    Request::new(method, Some(bucket), Some(&version[1])).query("versionId", &version[2])
                };
                let delete = || request(Method::DELETE).header("x-amz-bypass-governance-retention", "true");
                if self.client.send(delete()).await.is_err() {
                    let off = bytes::Bytes::from_static(b"<LegalHold><Status>OFF</Status></LegalHold>");
                    // What cannot be released is left: the test has its result.
                    let _ = self.client.send(request(Method::PUT).query("legal-hold", "").payload(off)).await;
                    let _ = self.client.send(delete()).await;
                }
            }
        };
        self.runtime.block_on(sweep);
    }

    /// CloudFront's distributions at the same address; empty without such a service.
    pub(crate) fn distributions(&self) -> Vec<Distribution> {
        self.runtime.block_on(self.cloudfront().distributions()).unwrap_or_default()
    }

    /// How many invalidations a distribution has.
    pub(crate) fn invalidations(&self, id: &str) -> usize {
        self.runtime.block_on(self.cloudfront().invalidations(id)).map_or(0, |all| all.len())
    }

    fn cloudfront(&self) -> CloudFront {
        CloudFront::new(self.client.options().clone())
    }

    /// The head of an object, if it exists.
    pub(crate) fn head(&self, bucket: &str, key: &str) -> Option<Head> {
        self.runtime.block_on(self.client.head_object(bucket, key)).ok()
    }

    /// The keys of a bucket; `None` if it does not exist.
    pub(crate) fn keys(&self, bucket: &str) -> Option<Vec<String>> {
        self.runtime.block_on(self.list(bucket)).ok()
    }

    async fn list(&self, bucket: &str) -> Result<Vec<String>> {
        let (options, mut keys, mut next) = (ListOptions::default(), Vec::new(), None::<String>);
        loop {
            let page = self.client.list_page(bucket, &options, next.as_deref()).await?;
            keys.extend(page.entries().map(|object| object.key.to_owned()));
            next = page.next().map(str::to_owned);
            if next.is_none() {
                return Ok(keys);
            }
        }
    }

    /// The facts about the objects of a bucket.
    fn objects(&self, bucket: &str) -> Vec<String> {
        let facts = async {
            let mut facts = Vec::new();
            let keys = match self.list(bucket).await {
                Ok(keys) => keys,
                Err(error) => return vec![format!("s3://{bucket} {}", code(&error))],
            };
            if let Ok(acl) = self.client.get_acl(bucket, None).await {
                facts.extend(acl.grants.iter().map(|grant| {
                    format!("s3://{bucket} ACL: {}: {}", grant.grantee.name(), grant.permission)
                }));
            }
            let objects = stream::iter(keys).map(|key| async move { self.object(bucket, &key).await });
            let objects: Vec<Vec<String>> = objects.buffered(8).collect().await;
            facts.extend(objects.into_iter().flatten());
            facts
        };
        self.runtime.block_on(facts)
    }

    async fn object(&self, bucket: &str, key: &str) -> Vec<String> {
        let place = format!("s3://{bucket}/{key}");
        match self.describe(bucket, key).await {
            Ok(facts) => facts.into_iter().map(|fact| format!("{place} {fact}")).collect(),
            Err(error) => vec![format!("{place} {}", code(&error))],
        }
    }

    async fn describe(&self, bucket: &str, key: &str) -> Result<Vec<String>> {
        let answer = self.client.get_object(bucket, key, &[], None).await?;
        let headers = answer.headers.clone();
        let content = answer.bytes(64 << 20).await?;
        // GPG never produces the same bytes twice, nor the same number of them.
        let encrypted = headers.contains_key("x-amz-meta-s3tools-gpgenc");
        let mut facts = Vec::new();
        for (name, value) in &headers {
            let passing = PASSING.contains(&name.as_str())
                || encrypted && ["etag", "content-length"].contains(&name.as_str());
            if !passing {
                facts.push(format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
            }
        }
        if !encrypted {
            facts.push(format!("{} bytes {}", content.len(), sum(&content)));
        }
        let acl = self.client.get_acl(bucket, Some(key)).await?;
        let grants = acl.grants.iter();
        facts.extend(grants.map(|grant| format!("ACL: {}: {}", grant.grantee.name(), grant.permission)));
        let request = Request::new(Method::GET, Some(bucket), Some(key)).query("tagging", "");
        // Without tags some services send an empty set, and others an error.
        if let Ok(answer) = self.client.send(request).await {
            let text = answer.text().await?;
            facts.extend(TAG.captures_iter(&text).map(|tag| format!("tag {}={}", &tag[1], &tag[2])));
        }
        facts.sort();
        Ok(facts)
    }
}

static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)<(?:Version|DeleteMarker)>.*?<Key>(.*?)</Key>.*?<VersionId>(.*?)</VersionId>").unwrap()
});

static OWNER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)<Owner>.*?<ID>(.*?)</ID>").unwrap());

static TAG: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<Key>(.*?)</Key>\s*<Value>(.*?)</Value>").unwrap());

/// The service's error code, or the whole text if absent.
fn code(error: &Error) -> String {
    error.service().map_or_else(|| error.to_string(), |service| service.code.clone())
}

fn sum(content: &[u8]) -> String {
    hex::encode(Md5::digest(content))
}

/// The facts about a world's files and its two buckets.
pub(crate) fn of(t: &TestEnv, store: &Store) -> Vec<String> {
    let mut facts = files(t);
    for bucket in ["BUCKET", "BUCKET2"] {
        facts.extend(store.objects(&t.fill(bucket)));
    }
    // The order of headers and grants has no meaning.
    let mut facts: Vec<String> = facts.into_iter().map(|fact| t.normaliser.apply(&fact)).collect();
    facts.sort();
    facts
}

fn files(t: &TestEnv) -> Vec<String> {
    let base = t.path("");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64);
    let mut facts = Vec::new();
    for entry in walkdir::WalkDir::new(&base).min_depth(1) {
        let entry = entry.expect("the tree can be walked");
        let name = entry.path().strip_prefix(&base).expect("below").to_string_lossy().into_owned();
        let meta = entry.metadata().expect("it is still there");
        if meta.is_symlink() {
            let target = std::fs::read_link(entry.path()).expect("a link");
            facts.push(format!("{name} -> {}", target.display()));
        } else if meta.is_dir() {
            facts.push(format!("{name}/ {:o}", meta.mode()));
        } else if !meta.is_file() {
            // Reading a pipe would wait for its other end.
            facts.push(format!("{name} of another kind {:o}", meta.mode()));
        } else {
            // A policy names its buckets, which differ between worlds.
            let content = t.read(&name);
            let text = std::str::from_utf8(&content).map(|text| t.normaliser.apply_names(text));
            let sum = text.map_or_else(|_| sum(&content), |text| sum(text.as_bytes()));
            // The time of what was made in this run differs between worlds.
            let made_now = (meta.mtime() - now).abs() < 3600;
            let time = if made_now { "now".to_owned() } else { meta.mtime().to_string() };
            facts.push(format!("{name} {:o} {} bytes {sum} {time}", meta.mode(), content.len()));
        }
    }
    facts
}
