//! The backend of a server: the files of a directory, or a bucket of another store. The one place that knows that there
//! are two.

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

/// Where requests are answered once they are verified.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    /// Plain blocking code (file work mostly), run on the runtime's blocking threads; what needs no waiting on the
    /// spot.
    Directory(Arc<Server>),
    /// Requests to another store.
    Remote(Arc<Remote>),
}

/// What a request led to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: S3Result<Reply>,
    /// Canonical id of the bucket's owner, where it was asked for and there is one.
    pub(crate) owner: String,
    /// Length of the content of a PUT, in bytes.
    pub(crate) content_length: Option<u64>,
    /// Canonical id of the requester; a form states it only in its body.
    pub(crate) requester: Option<String>,
}

impl Backend {
    /// Does what a request asks for. The bucket's owner is looked up for the log only.
    pub(crate) async fn answer(&self, mut call: Call, wants_owner: bool) -> Outcome {
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

    /// Answers a request to a website: the reply, and the code of its error if that is what it shows.
    pub(crate) async fn answer_website(
        &self,
        request: WebsiteRequest,
    ) -> S3Result<(Reply, Option<&'static str>)> {
        match self {
            Self::Directory(server) => {
                let server = Arc::clone(server);
                let answered = spawn_blocking(move || website::answer(&server, request));
                answered.await.map_err(|error| {
                    log::error!("serve: a request to a website panicked: {error}");
                    internal()
                })
            }
            // Strangers have no business here.
            Self::Remote(_) => Err(access_denied()),
        }
    }

    /// Answers a preflight request for a bucket.
    pub(crate) async fn preflight(&self, bucket: String, headers: Vec<(String, String)>) -> S3Result<Reply> {
        match self {
            Self::Directory(server) => {
                let server = Arc::clone(server);
                let answered = spawn_blocking(move || {
                    cors::preflight(&server, &bucket, &cors::parse_preflight(&headers)?)
                });
                answered.await.unwrap_or_else(|error| {
                    log::error!("serve: a preflight request panicked: {error}");
                    Err(internal())
                })
            }
            Self::Remote(_) => Err(cors::not_enabled()),
        }
    }

    /// The headers that let a page of another origin read an answer.
    pub(crate) async fn cross_origin(
        &self,
        bucket: String,
        origin: String,
        method: String,
    ) -> Vec<(String, String)> {
        match self {
            Self::Directory(server) => {
                let server = Arc::clone(server);
                let look = move || {
                    let request = CorsRequest { origin: &origin, method: &method, headers: None };
                    let headers = cors::headers(&server, &bucket, &request);
                    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
                };
                spawn_blocking(look).await.unwrap_or_default()
            }
            Self::Remote(_) => Vec::new(),
        }
    }
}

/// Does what a request to a directory asks for.
fn run(server: &Server, call: &mut Call, wants_owner: bool) -> Outcome {
    // Before the work: a bucket that goes has an owner.
    let bucket = wants_owner.then(|| server.store.bucket(call.bucket_name()).ok()).flatten();
    let owner = bucket.map(|bucket| server.owner(&bucket)).unwrap_or_default();
    let result = dispatch::run(server, call);
    let content_length = call.payload.length().filter(|_| call.method == Method::PUT);
    Outcome { result, owner, content_length, requester: call.requester_id().map(str::to_owned) }
}

/// Reads an object on this thread if that blocks nowhere; an `Err` is a panic.
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
