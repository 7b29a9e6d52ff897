//! What to serve, where, and to whom.

use crate::auth::users::User;
use crate::http::access_log::LogSink;
use s3cmd_client::Client;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where the objects are kept.
#[derive(Debug)]
pub enum Storage {
    /// The directory whose folders are the buckets.
    Directory(PathBuf),
    /// A bucket of another store, or a part of it.
    Remote(RemoteSource),
}

/// What to serve of another store.
#[derive(Clone, Debug)]
pub struct RemoteSource {
    /// Leads to the store, with credentials that no user of this server gets.
    pub client: Client,
    /// The bucket; its name here is the same.
    pub bucket: String,
    /// Only what is below this is served, without it in its keys; empty: all of the bucket. A slash at its end is added
    /// where it has none.
    pub prefix: String,
}

/// The settings of a server.
#[derive(Debug)]
pub struct Options {
    /// Where the objects are kept.
    pub storage: Storage,
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Who may come; the first one owns buckets of which no owner is known (existing folders).
    pub users: Vec<User>,
    /// Make every write durable before it is acknowledged. Without it a power loss (not a crash of the process) may
    /// undo what was acknowledged.
    pub fsync: bool,
    /// The region that buckets without a location constraint are said to be in.
    pub region: String,
    /// Refuse V4 signatures that name another region, as AWS does.
    pub region_is_checked: bool,
    /// Host names below which a name is a bucket (virtual-host style); path style always works. With none,
    /// `localhost`.
    pub domains: Vec<String>,
    /// Never read a bucket from a host name.
    pub path_style_only: bool,
    /// Take every request from this machine for the first user's, whatever its signature. Pages of other sites, and
    /// host names that are not this machine's, are anonymous. For addresses of the local machine only.
    pub no_auth: bool,
    /// What lifecycle rules take for a day (for trying); `None` is a real one.
    pub lifecycle_day: Option<Duration>,
    /// Refuse everything that changes anything, and write nothing to the directory, not even computed ETags.
    pub read_only: bool,
    /// Leave folders that a deletion made empty.
    pub keep_folders: bool,
    /// Certificate and key (see [`tls_config`](super::tls_config)); without them the server speaks plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// A client that sends nothing for this long is left.
    pub read_timeout: Duration,
    /// A client that takes nothing for this long is left.
    pub write_timeout: Duration,
    /// Takes the access log.
    pub access_log: Option<LogSink>,
    /// Answer `/-/metrics`, to anybody.
    pub metrics: bool,
    /// The most connections at once; `None`: what file descriptors and memory allow.
    pub max_connections: Option<usize>,
}

impl Options {
    /// How long the server waits for a client by default.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

    /// The plain case: a directory, durable writes, everybody's changes taken, no TLS.
    pub fn new(root: impl Into<PathBuf>, address: SocketAddr, users: Vec<User>) -> Self {
        Self {
            storage: Storage::Directory(root.into()),
            address,
            users,
            fsync: true,
            region: "us-east-1".to_owned(),
            region_is_checked: false,
            domains: Vec::new(),
            path_style_only: false,
            no_auth: false,
            lifecycle_day: None,
            read_only: false,
            keep_folders: false,
            tls: None,
            read_timeout: Self::DEFAULT_TIMEOUT,
            write_timeout: Self::DEFAULT_TIMEOUT,
            access_log: None,
            metrics: false,
            max_connections: None,
        }
    }
}
