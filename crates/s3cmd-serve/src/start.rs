//! Starting and stopping a server.

use super::app_state::AppState;
use super::backend::Backend;
use super::options::{Options, Storage};
use super::remote::Remote;
use super::store::bucket::Mode;
use super::store::{self, Store};
use crate::auth::users::User;
use crate::directory::lifecycle;
use crate::directory::state::Server;
use crate::http::access_log::AccessLog;
use crate::http::limits::{self, Limits};
use crate::http::{header_case, server};
use crate::model::lifecycle_rules;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another process serves the directory; two would corrupt each other's work.
    #[error("{0} is already being served by another process")]
    Locked(PathBuf),
    /// The path is missing, not a directory, or not usable.
    #[error("cannot serve {0}: {1}")]
    Root(PathBuf, #[source] io::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Bind(SocketAddr, #[source] io::Error),
    /// The remote store rejected the request or is unreachable.
    #[error("{0}")]
    Remote(#[source] s3cmd_client::Error),
    /// Without authentication, anyone who can reach the address would have full access.
    #[error(
        "{0} is reachable from other machines: serving without authentication requires a loopback address"
    )]
    Open(SocketAddr),
    /// The list of users is empty.
    #[error("no users are configured")]
    NoUsers,
}

/// A running server. Dropping it starts the shutdown; [`Running::stop`] also waits for its end.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stopping: watch::Sender<bool>,
    accept_task: JoinHandle<()>,
    lifecycle_task: Option<JoinHandle<()>>,
    log_thread: Option<std::thread::JoinHandle<()>>,
}

/// Starts a server in the current tokio runtime.
///
/// When this returns, temporary files of a crashed process are removed, the directory is locked, and the address is
/// bound.
///
/// # Errors
/// See [`StartError`].
pub async fn start(options: Options) -> Result<Running, StartError> {
    let Options { storage, address, users, region, mut domains, read_only, read_timeout, .. } = options;
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
    // The caller has already raised the limit.
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let max_connections = options.max_connections.unwrap_or_else(|| limits::connections_for(descriptors));
    let users: Arc<[User]> = users.into();
    let checked_region = options.region_is_checked.then(|| region.clone());
    let backend = match storage {
        Storage::Directory(root) => {
            let mode = Mode { fsync: options.fsync, read_only, keep_folders: options.keep_folders };
            let store = open_store(root, mode).await?;
            let day = options.lifecycle_day.filter(|day| !day.is_zero()).unwrap_or(lifecycle_rules::DAY);
            let (users, secure) = (Arc::clone(&users), options.tls.is_some());
            Backend::Directory(Arc::new(Server { store, users, region, read_only, secure, day }))
        }
        Storage::Remote(source) => {
            let secure = options.tls.is_some();
            let remote = Remote::open(source, Arc::clone(&users), region, read_only, secure).await;
            Backend::Remote(Arc::new(remote.map_err(StartError::Remote)?))
        }
    };
    let bind = |error| StartError::Bind(address, error);
    let socket = TcpListener::bind(address).await.map_err(bind)?;
    let address = socket.local_addr().map_err(bind)?;
    let (access_log, log_thread) = AccessLog::new(options.access_log, options.metrics);
    let access_log = Arc::new(access_log);
    let listener =
        server::Listener { socket, tls: options.tls.map(Into::into), write_timeout: options.write_timeout };
    let (stopping, stopped) = watch::channel(false);
    let lifecycle_task = match &backend {
        Backend::Directory(server) => Some(tokio::spawn(lifecycle::run(Arc::clone(server), stopped.clone()))),
        Backend::Remote(_) => None,
    };
    let limits = Limits::new(max_connections);
    let header_case = header_case::extensions().await;
    let no_auth = options.no_auth;
    let region = checked_region;
    let state =
        AppState { users, region, domains, read_timeout, access_log, backend, limits, header_case, no_auth };
    let accept_task = tokio::spawn(server::accept(listener, Arc::new(state), stopped));
    Ok(Running { address, stopping, accept_task, lifecycle_task, log_thread })
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
    /// The address that it listens on, with the actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more connections, finishes the requests in progress, and releases the directory.
    pub async fn stop(self) {
        let _ = self.stopping.send(true);
        self.wait().await;
    }

    /// Waits until the server has stopped. It does not stop by itself.
    pub async fn wait(mut self) {
        let _ = (&mut self.accept_task).await;
        if let Some(lifecycle_task) = &mut self.lifecycle_task {
            let _ = lifecycle_task.await;
        }
        if let Some(log_thread) = self.log_thread.take() {
            // The thread ends after the last line, because all senders are dropped by now.
            let _ = tokio::task::spawn_blocking(move || log_thread.join()).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stopping.send(true);
    }
}
