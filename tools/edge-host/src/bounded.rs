//! A body from outside, with a bound on its size and on pauses within it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::Error;

/// The length that headers announce, if they do.
pub fn announced(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok())
}

/// Tells whether a body turned out larger than it may be.
#[derive(Clone)]
pub struct TooLarge(Arc<AtomicBool>);

impl TooLarge {
    /// Whether it did by now.
    pub fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a body may be, and what is said when it is larger.
#[derive(Clone, Copy)]
pub struct Bounds {
    /// Bytes in all.
    pub max_bytes: usize,
    /// How long it may pause while somebody waits for it.
    pub pause: Duration,
    /// The error for more bytes than that, from the number allowed.
    pub larger: fn(Option<u64>) -> Error,
}

/// The body itself.
pub struct Bounded {
    body: Incoming,
    bounds: Bounds,
    left: usize,
    timer: Pin<Box<Sleep>>,
    /// Whether the timer runs: only while somebody waits for a frame.
    waiting: bool,
    too_large: TooLarge,
}

impl Bounded {
    /// Bounds `body`.
    pub fn new(body: Incoming, bounds: Bounds) -> Self {
        Self {
            body,
            bounds,
            left: bounds.max_bytes,
            timer: Box::pin(sleep(bounds.pause)),
            waiting: false,
            too_large: TooLarge(Arc::new(AtomicBool::new(false))),
        }
    }

    /// What tells later whether it was too large.
    pub fn too_large(&self) -> TooLarge {
        self.too_large.clone()
    }
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Pending => {
                if !std::mem::replace(&mut this.waiting, true) {
                    let until = Instant::now() + this.bounds.pause;
                    this.timer.as_mut().reset(until);
                }
                let waited = this.timer.as_mut().poll(cx);
                waited.map(|()| Some(Err(Error::ConnectionReadTimeout)))
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.waiting = false;
                let length = frame.data_ref().map_or(0, Bytes::len);
                match this.left.checked_sub(length) {
                    Some(left) => {
                        this.left = left;
                        Poll::Ready(Some(Ok(frame)))
                    }
                    None => {
                        this.too_large.0.store(true, Ordering::Relaxed);
                        let larger = (this.bounds.larger)(Some(this.bounds.max_bytes as u64));
                        Poll::Ready(Some(Err(larger)))
                    }
                }
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
