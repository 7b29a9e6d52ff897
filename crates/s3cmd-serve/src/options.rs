//! The options of a server.

use crate::auth::users::User;
use crate::http::access_log::LogSink;
use s3cmd_client::Client;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where the objects are stored.
#[derive(Debug)]
pub enum Storage {
    /// A directory whose folders are the buckets.
    Directory(PathBuf),
    /// A bucket in another store, or a prefix of one.
    Remote(RemoteSource),
}

/// The part of another store to serve.
#[derive(Clone, Debug)]
pub struct RemoteSource {
    /// The client for the other store. Its credentials are never disclosed to users of this server.
    pub client: Client,
    /// The bucket; this server serves it under the same name.
    pub bucket: String,
    /// Serve only the keys below this prefix, with the prefix removed; empty serves the whole bucket. A trailing slash
    /// is added if absent.
    pub prefix: String,
}

/// The settings of a server.
#[derive(Debug)]
pub struct Options {
    /// Where the objects are stored.
    pub storage: Storage,
    /// Where to listen; port 0 selects a free port.
    pub address: SocketAddr,
    /// The users. The first one owns buckets without a known owner (existing folders).
    pub users: Vec<User>,
    /// Make every write durable before it is acknowledged. Without this, a power loss (but not a crash of the process)
    /// may undo acknowledged writes.
    pub fsync: bool,
    /// The region to report for buckets without a location constraint.
    pub region: String,
    /// Reject V4 signatures that name another region, as AWS does.
    pub region_is_checked: bool,
    /// Base domains for virtual-host style requests (`BUCKET.DOMAIN`); if empty, `localhost`. Path style always works.
    pub domains: Vec<String>,
    /// Disable virtual-host style requests.
    pub path_style_only: bool,
    /// Treat every request from this machine as the first user's, whatever its signature. Requests from web pages of
    /// other sites, or with a host name that is not this machine's, are anonymous. Loopback addresses only.
    pub no_auth: bool,
    /// The length of a day in lifecycle rules, for testing; `None` is a real day.
    pub lifecycle_day: Option<Duration>,
    /// Reject all changes, and write nothing to the directory, not even computed ETags.
    pub read_only: bool,
    /// Keep folders that a deletion leaves empty.
    pub keep_folders: bool,
    /// Certificate and key (see [`tls_config`](super::tls_config)); `None` serves plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// A client that sends nothing for this long is disconnected.
    pub read_timeout: Duration,
    /// A client that reads nothing for this long is disconnected.
    pub write_timeout: Duration,
    /// Receives the access log.
    pub access_log: Option<LogSink>,
    /// Serve `/-/metrics`, without authentication.
    pub metrics: bool,
    /// The maximum number of concurrent connections; `None` derives it from the file descriptor limit.
    pub max_connections: Option<usize>,
}

impl Options {
    /// The default read and write timeout.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

    /// The defaults: a directory, durable writes, changes allowed, no TLS.
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
