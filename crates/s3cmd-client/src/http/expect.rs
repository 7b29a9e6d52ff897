//! `Expect: 100-continue`: an upload waits with its body until the service has read the headers and requests the
//! body. So no data is sent to a service that rejects the request or redirects it.
//! <https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1>

use super::body::WireBody;
use crate::client::observer::Observer;
use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::watch;

/// How long a body waits for `100 Continue` before it is sent anyway (measured on s3cmd 2.4.0).
const MAX_WAIT: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No response has arrived yet.
    Waiting,
    /// The service requested the body.
    Requested,
    /// The request has ended.
    Ended,
}

/// Holds back the body of one request until the service requests it. When this is dropped, a body that still waits is
/// never sent, and its connection is closed: the service could not know where the next request begins.
#[derive(Debug)]
pub(crate) struct ExpectContinue {
    state: watch::Sender<State>,
    max_wait: Duration,
}

impl ExpectContinue {
    /// Starts in the waiting state.
    pub(crate) fn new() -> Self {
        Self { state: watch::Sender::new(State::Waiting), max_wait: MAX_WAIT }
    }

    /// Releases the body of a request as soon as `100 Continue` arrives.
    pub(crate) fn listen<B>(&self, request: &mut http::Request<B>) {
        let state = self.state.clone();
        hyper::ext::on_informational(request, move |answer| {
            if answer.status() == StatusCode::CONTINUE {
                end_wait(&state, State::Requested);
            }
        });
    }

    /// Wraps a body so that it waits. If the service sends nothing, the body is sent after a while and
    /// `expect_unsupported` is set: the service does not know the header, and later requests need not wait.
    pub(crate) fn delay(
        &self,
        body: WireBody,
        expect_unsupported: Arc<AtomicBool>,
        observer: Arc<dyn Observer>,
    ) -> WireBody {
        let (mut state, max_wait) = (self.state.subscribe(), self.max_wait);
        let released = async move {
            let heard = state.wait_for(|state| *state != State::Waiting);
            match tokio::time::timeout(max_wait, heard).await {
                Ok(Ok(state)) => *state == State::Requested,
                Ok(Err(_)) => false,
                Err(_) => {
                    if !expect_unsupported.swap(true, Ordering::Relaxed) {
                        observer.expect_unsupported(max_wait);
                    }
                    true
                }
            }
        };
        Waiting { released: Some(Box::pin(released)), body }.boxed()
    }
}

impl Drop for ExpectContinue {
    fn drop(&mut self) {
        end_wait(&self.state, State::Ended);
    }
}

/// Ends the wait, unless it has already ended.
fn end_wait(state: &watch::Sender<State>, how: State) {
    state.send_if_modified(|state| {
        let waits = *state == State::Waiting;
        if waits {
            *state = how;
        }
        waits
    });
}

/// A body that waits before its first block. The wait begins when the connection polls for that block, which is when
/// the headers are being sent.
struct Waiting {
    released: Option<Pin<Box<dyn Future<Output = bool> + Send + Sync>>>,
    body: WireBody,
}

impl Body for Waiting {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(released) = &mut self.released {
            let may_send = ready!(released.as_mut().poll(cx));
            self.released = None;
            if !may_send {
                return Poll::Ready(Some(Err(
                    io::Error::other("the service did not request the body").into()
                )));
            }
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::whole;

    fn waiting(expect: &ExpectContinue) -> (WireBody, Arc<AtomicBool>) {
        let expect_unsupported = Arc::new(AtomicBool::new(false));
        (
            expect.delay(whole(Bytes::from_static(b"content")), expect_unsupported.clone(), Arc::new(())),
            expect_unsupported,
        )
    }

    #[tokio::test]
    async fn a_body_is_sent_when_it_is_requested() {
        let expect = ExpectContinue::new();
        let (mut body, expect_unsupported) = waiting(&expect);
        assert_eq!(body.size_hint().exact(), Some(7));
        assert!(futures::poll!(body.frame()).is_pending());
        end_wait(&expect.state, State::Requested);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "content");
        assert!(!expect_unsupported.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_body_that_is_not_requested_is_never_sent() {
        let expect = ExpectContinue::new();
        let (mut body, expect_unsupported) = waiting(&expect);
        assert!(futures::poll!(body.frame()).is_pending());
        drop(expect);
        assert!(body.collect().await.is_err());
        assert!(!expect_unsupported.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_body_is_sent_after_the_maximum_wait() {
        let mut expect = ExpectContinue::new();
        expect.max_wait = Duration::ZERO;
        let (body, expect_unsupported) = waiting(&expect);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "content");
        assert!(expect_unsupported.load(Ordering::Relaxed));
    }
}
