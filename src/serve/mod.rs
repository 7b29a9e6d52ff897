//! The embedded S3 server: buckets are folders, objects are ordinary files; or a part of another store is served.
//!
//! ```text
//! http      connections, heads, bodies               (hyper)
//! auth      SigV4, SigV2, presigned, chunked bodies  (the client's own signing functions)
//! route     which operation; what is unknown is 501
//! back      what answers: the directory, or another store
//! access    policy, ownership, ACLs
//! ops       the operations on a directory
//! store     files, sidecars, listing
//! lifecycle what expires
//! remote    the operations on another store
//! ```
//!
//! # Why a protocol layer of our own
//!
//! The `s3s` crate (0.14.1) was tried for protocol and XML. Against it: it falls through to the plain operation where
//! a query sub-resource is unknown or not meant for the method (`HEAD ?acl` is a HeadObject), which is the very
//! fault that destroys data elsewhere; it refuses the region `US`, s3cmd's default, and header values that are not
//! ASCII, as user metadata is in practice; SigV2, chunk signatures, browser forms, CORS preflight and websites
//! would have to be done in front of it anyway. What was left of its use was XML for some thirty documents, which
//! [`xml`] does in 200 lines, against 150,000 lines of dependency.
//!
//! Needs a Unix: everything below the root is opened relative to open directories.

mod access;
mod acl;
mod auth;
mod back;
mod call;
mod checksum;
mod condition_values;
mod cors;
mod error;
mod form;
mod head_checks;
mod header_case;
mod http;
mod inflow;
mod journal;
mod lifecycle;
mod lifecycle_checks;
mod lifecycle_rules;
mod limits;
mod metrics;
mod ops;
mod policy;
mod post_policy;
mod redact;
mod remote;
mod request_context;
mod response;
mod route;
mod rule_ids;
mod sse;
mod store;
mod subresources;
mod tls;
mod users;
mod website;
mod xml;

#[cfg(test)]
mod tests;

use back::Back;
use journal::Journal;
use limits::Limits;
use remote::Remote;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::bucket::Mode;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use journal::LogSink;
pub use remote::Source;
pub use tls::tls_config;
pub use users::{User, generate_user, parse_auth_file};

/// What is behind the front.
#[derive(Debug)]
pub enum What {
    /// The directory whose folders are the buckets.
    Directory(PathBuf),
    /// A bucket of another store, or a part of it.
    Remote(Source),
}

/// What to serve, where, and to whom.
#[derive(Debug)]
pub struct Options {
    /// What is served.
    pub what: What,
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
    /// Take every request from this machine for the first user's, whatever its signature. Pages of other sites, and host
    /// names that are not this machine's, are anonymous. For addresses of the local machine only.
    pub no_auth: bool,
    /// What lifecycle rules take for a day (for trying); `None` is a real one.
    pub lifecycle_day: Option<Duration>,
    /// Refuse everything that changes anything, and write nothing to the directory, not even computed ETags.
    pub read_only: bool,
    /// Leave folders that a deletion made empty.
    pub keep_folders: bool,
    /// Certificate and key (see [`tls_config`]); without them the server speaks plain HTTP.
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
    /// How long a client is waited for by default.
    pub const PATIENCE: Duration = Duration::from_secs(120);

    /// The plain case: a directory, durable writes, everybody's changes taken, no TLS.
    pub fn new(root: impl Into<PathBuf>, address: SocketAddr, users: Vec<User>) -> Self {
        Self {
            what: What::Directory(root.into()),
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
            read_timeout: Self::PATIENCE,
            write_timeout: Self::PATIENCE,
            access_log: None,
            metrics: false,
            max_connections: None,
        }
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Two processes would spoil each other's work.
    #[error("{0} is being served by another process already")]
    Locked(PathBuf),
    /// The directory is missing, is none, or cannot be used.
    #[error("cannot serve {0}: {1}")]
    Root(PathBuf, #[source] io::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Bind(SocketAddr, #[source] io::Error),
    /// The store behind refuses or cannot be reached.
    #[error("{0}")]
    Remote(#[source] crate::s3::Error),
    /// Without authentication everybody who reaches the address could do everything.
    #[error("{0} can be reached by other machines, which must not be served without authentication")]
    Open(SocketAddr),
    /// Without a user nobody could do anything.
    #[error("there are no users")]
    NoUsers,
}

/// What a request goes through before it reaches what is served.
#[derive(Debug)]
struct Front {
    users: Arc<[User]>,
    /// The one region that V4 signatures may name; `None` takes any.
    region: Option<String>,
    domains: Vec<String>,
    read_timeout: Duration,
    journal: Arc<Journal>,
    back: Back,
    limits: Limits,
    /// Attached to every response, see [`header_case`].
    spelling: ::http::Extensions,
    /// Take every local request for the first user's, whatever its signature.
    no_auth: bool,
}

/// A directory that is served: everything that its operations share.
#[derive(Debug)]
struct Server {
    store: Store,
    users: Arc<[User]>,
    region: String,
    read_only: bool,
    /// Whether connections are encrypted.
    secure: bool,
    /// How long the days of lifecycle rules and of restored objects are.
    day: Duration,
}

/// A server at work. Dropped, it is told to stop; [`Running::stop`] also waits until it has.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stopping: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    expiring: Option<JoinHandle<()>>,
    logging: Option<std::thread::JoinHandle<()>>,
}

/// Starts a server inside the present tokio runtime.
///
/// Unfinished temporaries of a process that died are removed, the directory is locked, and the address is bound
/// before this returns.
///
/// # Errors
/// See [`StartError`].
pub async fn start(options: Options) -> Result<Running, StartError> {
    let Options { what, address, users, region, mut domains, read_only, read_timeout, .. } = options;
    if users.is_empty() {
        return Err(StartError::NoUsers);
    }
    if options.no_auth && !address.ip().to_canonical().is_loopback() {
        return Err(StartError::Open(address));
    }
    if options.path_style_only {
        domains.clear();
    } else if domains.is_empty() {
        domains.push("localhost".to_owned());
    }
    let descriptors = raise_file_limit();
    let most = options.max_connections.unwrap_or_else(|| limits::connections_for(descriptors));
    let users: Arc<[User]> = users.into();
    let checked_region = options.region_is_checked.then(|| region.clone());
    let back = match what {
        What::Directory(root) => {
            let mode = Mode { fsync: options.fsync, read_only, keep_folders: options.keep_folders };
            let store = open_store(root, mode).await?;
            let day = options.lifecycle_day.filter(|day| !day.is_zero()).unwrap_or(lifecycle::DAY);
            let (users, secure) = (Arc::clone(&users), options.tls.is_some());
            Back::Directory(Arc::new(Server { store, users, region, read_only, secure, day }))
        }
        What::Remote(source) => {
            let secure = options.tls.is_some();
            let remote = Remote::open(source, Arc::clone(&users), region, read_only, secure).await;
            Back::Remote(Arc::new(remote.map_err(StartError::Remote)?))
        }
    };
    let bind = |error| StartError::Bind(address, error);
    let listener = TcpListener::bind(address).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let (journal, logging) = Journal::new(options.access_log, options.metrics);
    let journal = Arc::new(journal);
    let door =
        http::Door { listener, tls: options.tls.map(Into::into), write_timeout: options.write_timeout };
    let (stopping, stopped) = watch::channel(false);
    let expiring = match &back {
        Back::Directory(server) => Some(tokio::spawn(lifecycle::run(Arc::clone(server), stopped.clone()))),
        Back::Remote(_) => None,
    };
    let limits = Limits::new(most);
    let spelling = header_case::learn().await;
    let no_auth = options.no_auth;
    let region = checked_region;
    let front = Front { users, region, domains, read_timeout, journal, back, limits, spelling, no_auth };
    let accepting = tokio::spawn(http::accept(door, Arc::new(front), stopped));
    Ok(Running { address, stopping, accepting, expiring, logging })
}

async fn open_store(root: PathBuf, mode: Mode) -> Result<Store, StartError> {
    let opened = {
        let root = root.clone();
        tokio::task::spawn_blocking(move || Store::open(&root, mode)).await
    };
    match opened {
        Ok(Ok(store)) => Ok(store),
        Ok(Err(store::OpenError::Locked)) => Err(StartError::Locked(root)),
        Ok(Err(store::OpenError::Io(error))) => Err(StartError::Root(root, error)),
        Err(error) => Err(StartError::Root(root, io::Error::other(error))),
    }
}

impl Running {
    /// Where it listens, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, finishes the requests under way, and releases the directory.
    pub async fn stop(self) {
        let _ = self.stopping.send(true);
        self.wait().await;
    }

    /// Waits until the server has stopped, which it does not do by itself.
    pub async fn wait(mut self) {
        let _ = (&mut self.accepting).await;
        if let Some(expiring) = &mut self.expiring {
            let _ = expiring.await;
        }
        if let Some(logging) = self.logging.take() {
            // It ends after the last line, as nobody is left who could write another.
            let _ = tokio::task::spawn_blocking(move || logging.join()).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stopping.send(true);
    }
}

/// Connections and open objects take a descriptor each; many systems start programs with 1,024. Returns how many there may
/// be now.
fn raise_file_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    getrlimit(Resource::Nofile).current
}
