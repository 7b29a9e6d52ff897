//! The backend of a server: the files of a directory, or a bucket in another store. This is the only module that
//! distinguishes the two.

use super::remote::Remote;
use super::route;
use crate::directory::cors;
use crate::directory::ops::dispatch;
use crate::directory::state::Server;
use crate::directory::website::{self, WebsiteRequest};
use crate::http::call::{Call, Reply};
use crate::http::redact::redact;
use crate::model::cors_rules::CorsRequest;
use crate::model::error::{ErrorCode, S3Error, S3Result, access_denied};
use http::Method;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// What handles requests once they are authenticated.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    /// Blocking code, mostly file I/O, which runs on the runtime's blocking threads. Reads that cannot block run on the
    /// calling thread.
    Directory(Arc<Server>),
    /// Forwards requests to another store.
    Remote(Arc<Remote>),
}

/// The result of a request, with what the access log records of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: S3Result<Reply>,
    /// Canonical id of the bucket's owner; empty if not requested or unknown.
    pub(crate) owner: String,
    /// Length of the content of a PUT, in bytes.
    pub(crate) content_length: Option<u64>,
    /// Canonical id of the requester. For a form it is known only once the body is read.
    pub(crate) requester: Option<String>,
}

impl Backend {
    /// Performs a request. `wants_owner`: look up the bucket's owner, for the access log.
    pub(crate) async fn handle(&self, mut call: Call, wants_owner: bool) -> Outcome {
        match self {
            Self::Directory(server) => {
                let outcome = match try_nonblocking_read(server, &mut call, wants_owner) {
                    Some(outcome) => outcome,
                    None => {
                        let server = Arc::clone(server);
                        let task = move || {
                            let outcome = run(&server, &mut call, wants_owner);
                            log_failure(&call.method, &call.path, &outcome.result);
                            outcome
                        };
                        spawn_blocking(task).await.map_err(drop)
                    }
                };
                outcome.unwrap_or_else(|()| {
                    log::error!("serve: an operation panicked");
                    Outcome {
                        result: Err(internal()),
                        owner: String::new(),
                        content_length: None,
                        requester: None,
                    }
                })
            }
            Self::Remote(remote) => {
                let (method, path) = (call.method.clone(), call.path.clone());
                let content_length = call.payload.length().filter(|_| method == Method::PUT);
                let requester = call.requester_id().map(str::to_owned);
                let result = remote.answer(call).await;
                log_failure(&method, &path, &result);
                Outcome { result, owner: remote.owner().to_owned(), content_length, requester }
            }
        }
    }

    /// Handles a request to a website. Returns the reply, and the error code if the reply is an error page.
    pub(crate) async fn handle_website(
        &self,
        request: WebsiteRequest,
    ) -> S3Result<(Reply, Option<&'static str>)> {
        match self {
            Self::Directory(server) => {
                let server = Arc::clone(server);
                let task = spawn_blocking(move || website::handle(&server, request));
                task.await.map_err(|error| {
                    log::error!("serve: a request to a website panicked: {error}");
                    internal()
                })
            }
            // Website requests are anonymous, and a remote store is served to signed requests only.
            Self::Remote(_) => Err(access_denied()),
        }
    }

    /// Handles a preflight request for a bucket.
    pub(crate) async fn preflight(&self, bucket: String, headers: Vec<(String, String)>) -> S3Result<Reply> {
        match self {
            Self::Directory(server) => {
                let server = Arc::clone(server);
                let task = spawn_blocking(move || {
                    cors::preflight(&server, &bucket, &cors::parse_preflight(&headers)?)
                });
                task.await.unwrap_or_else(|error| {
                    log::error!("serve: a preflight request panicked: {error}");
                    Err(internal())
                })
            }
            Self::Remote(_) => Err(cors::not_enabled()),
        }
    }

    /// The CORS headers of a response to `origin`; empty if no rule matches.
    pub(crate) async fn cors_headers(
        &self,
        bucket: String,
        origin: String,
        method: String,
    ) -> Vec<(String, String)> {
        match self {
            Self::Directory(server) => {
                let server = Arc::clone(server);
                let find_headers = move || {
                    let request = CorsRequest { origin: &origin, method: &method, headers: None };
                    let headers = cors::headers(&server, &bucket, &request);
                    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
                };
                spawn_blocking(find_headers).await.unwrap_or_default()
            }
            Self::Remote(_) => Vec::new(),
        }
    }
}

/// Performs a request on a directory.
fn run(server: &Server, call: &mut Call, wants_owner: bool) -> Outcome {
    // Looked up before the operation, which may delete the bucket.
    let bucket = wants_owner.then(|| server.store.bucket(call.bucket_name()).ok()).flatten();
    let owner = bucket.map(|bucket| server.owner(&bucket)).unwrap_or_default();
    let result = dispatch::run(server, call);
    let content_length = call.payload.length().filter(|_| call.method == Method::PUT);
    Outcome { result, owner, content_length, requester: call.requester_id().map(str::to_owned) }
}

/// Reads an object on this thread if that cannot block. `None`: it may block; `Some(Err)`: the operation panicked.
fn try_nonblocking_read(server: &Server, call: &mut Call, wants_owner: bool) -> Option<Result<Outcome, ()>> {
    if !route::reads_object(call) {
        return None;
    }
    let attempt = AssertUnwindSafe(|| server.store.try_nonblocking(|| run(server, &mut *call, wants_owner)));
    match catch_unwind(attempt) {
        Ok(None) => None,
        Ok(Some(outcome)) => {
            log_failure(&call.method, &call.path, &outcome.result);
            Some(Ok(outcome))
        }
        Err(_) => Some(Err(())),
    }
}

fn log_failure(method: &Method, path: &str, result: &S3Result<Reply>) {
    if let Err(error) = result
        && error.status == 500
    {
        log::error!("serve: {method} {}: {}", redact(path), redact(&error.message));
    }
}

fn internal() -> S3Error {
    S3Error::new(ErrorCode::InternalError, "We encountered an internal error. Please try again.")
}
