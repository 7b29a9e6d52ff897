//! The backend of a server: the files of a directory, or a bucket of another store. The one place that knows that there
//! are two.

use super::call::{Call, Reply};
use super::cors_rules::CorsRequest;
use super::error::{S3Error, S3Result, access_denied};
use super::ops::dispatch;
use super::redact::redact;
use super::remote::Remote;
use super::state::Server;
use super::website::{self, WebsiteRequest};
use super::{cors, route};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Where requests are answered once they are verified.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    /// Plain blocking code (file work mostly), run on the runtime's blocking threads; what needs no waiting on the spot.
    Directory(Arc<Server>),
    /// Requests to another store.
    Remote(Arc<Remote>),
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) result: S3Result<Reply>,
    /// Canonical id of the bucket's owner, where it was asked for and there is one.
    pub(crate) owner: String,
    /// How long the content of a PUT was, in bytes.
    pub(crate) stored: Option<u64>,
    /// Canonical id of whoever asked; a form says only in its body whose it is.
    pub(crate) requester: Option<String>,
}

impl Backend {
    /// Does what a request asks for. The bucket's owner is looked up for the log only.
    pub(crate) async fn answer(&self, mut call: Call, wants_owner: bool) -> Done {
        match self {
            Self::Directory(server) => {
                let done = match reads_at_once(server, &mut call, wants_owner) {
                    Some(done) => done,
                    None => {
                        let server = Arc::clone(server);
                        let work = move || {
                            let done = work(&server, &mut call, wants_owner);
                            note_failure(&call.method, &call.path, &done.result);
                            done
                        };
                        spawn_blocking(work).await.map_err(drop)
                    }
                };
                done.unwrap_or_else(|()| {
                    log::error!("serve: an operation panicked");
                    Done { result: Err(internal()), owner: String::new(), stored: None, requester: None }
                })
            }
            Self::Remote(remote) => {
                let (method, path) = (call.method.clone(), call.path.clone());
                let stored = call.payload.length().filter(|_| method == "PUT");
                let requester = call.who().map(str::to_owned);
                let result = remote.answer(call).await;
                note_failure(&method, &path, &result);
                Done { result, owner: remote.owner().to_owned(), stored, requester }
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
fn work(server: &Server, call: &mut Call, wants_owner: bool) -> Done {
    // Before the work: a bucket that goes has an owner.
    let bucket = wants_owner.then(|| server.store.bucket(call.bucket_name()).ok()).flatten();
    let owner = bucket.map(|bucket| server.owner(&bucket)).unwrap_or_default();
    let result = dispatch::run(server, call);
    let stored = call.payload.length().filter(|_| call.method == "PUT");
    Done { result, owner, stored, requester: call.who().map(str::to_owned) }
}

/// Reads an object here and now if that needs no waiting; an `Err` is a panic.
fn reads_at_once(server: &Server, call: &mut Call, wants_owner: bool) -> Option<Result<Done, ()>> {
    if !route::reads_object(call) {
        return None;
    }
    let attempt = AssertUnwindSafe(|| server.store.at_once(|| work(server, &mut *call, wants_owner)));
    match catch_unwind(attempt) {
        Ok(None) => None,
        Ok(Some(done)) => {
            note_failure(&call.method, &call.path, &done.result);
            Some(Ok(done))
        }
        Err(_) => Some(Err(())),
    }
}

fn note_failure(method: &str, path: &str, result: &S3Result<Reply>) {
    if let Err(error) = result
        && error.status == 500
    {
        log::error!("serve: {method} {}: {}", redact(path), redact(&error.message));
    }
}

fn internal() -> S3Error {
    S3Error::new("InternalError", "We encountered an internal error. Please try again.")
}
