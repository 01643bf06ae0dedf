//! Outbound HTTP connections: opened within bounds, kept for a while, used again.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::bounded::Bounded;
use crate::limits;
use crate::tls::Trust;

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    /// With TLS.
    pub secure: bool,
    /// A name or an address, an IPv6 one in brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// The host's outbound connections, shared by all components: a connection has no credentials of its own.
#[derive(Clone)]
pub struct Pool {
    trust: Trust,
    places: Arc<Semaphore>,
    kept: Arc<Mutex<Kept>>,
}

struct Kept {
    connections: HashMap<Destination, Vec<(Instant, Sender)>>,
    swept: Instant,
}

type Sender = SendRequest<WasiBody>;

impl Pool {
    /// An empty pool, whose connections trust these certificates.
    pub fn new(trust: Trust) -> Self {
        Self {
            trust,
            places: Arc::new(Semaphore::new(limits::HTTP_CONNECTIONS)),
            kept: Arc::new(Mutex::new(Kept {
                connections: HashMap::new(),
                swept: Instant::now(),
            })),
        }
    }

    /// A kept connection that can take a request now, the one used last first.
    pub fn take(&self, destination: &Destination) -> Option<Sender> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.sweep();
        let connections = kept.connections.get_mut(destination)?;
        while let Some((since, sender)) = connections.pop() {
            if usable(since, &sender) {
                return Some(sender);
            }
        }
        None
    }

    /// Opens a connection; it ends when its sender is dropped.
    pub async fn open(&self, destination: &Destination, time: Duration) -> Result<Sender, Error> {
        let opening = async {
            let place = self.places.clone().acquire_owned().await;
            let place = place.map_err(|_| Error::ConnectionLimitReached)?;
            let host = destination.host.trim_matches(['[', ']']);
            let stream = TcpStream::connect((host, destination.port))
                .await
                .map_err(refused)?;
            // A request leaves in two writes, and the second must not wait for the server's delayed acknowledgement.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!("TCP_NODELAY not set: {error}");
            }
            if destination.secure {
                drive(self.trust.wrap(host, stream).await?, place).await
            } else {
                drive(stream, place).await
            }
        };
        tokio::time::timeout(time, opening)
            .await
            .map_err(|_| Error::ConnectionTimeout)?
    }

    /// Keeps a connection once it is ready for another request.
    fn give_back(&self, destination: Destination, mut sender: Sender) {
        let kept = self.kept.clone();
        tokio::spawn(async move {
            let ready = tokio::time::timeout(limits::HTTP_SETTLE, sender.ready()).await;
            if !matches!(ready, Ok(Ok(()))) {
                return;
            }
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.sweep();
            let connections = kept.connections.entry(destination).or_default();
            if connections.len() < limits::HTTP_KEPT_CONNECTIONS {
                connections.push((Instant::now(), sender));
            }
        });
    }
}

/// Speaks HTTP over an open connection, in a task of its own.
async fn drive(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    place: OwnedSemaphorePermit,
) -> Result<Sender, Error> {
    let (sender, connection) = http1::Builder::new()
        .max_headers(limits::HTTP_HEADERS)
        .max_buf_size(limits::HTTP_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await?;
    tokio::spawn(async move {
        let _place = place;
        // Whoever waits for an answer is told by the sender; nobody else needs to know.
        if let Err(error) = connection.await {
            tracing::debug!("outbound connection ended: {error}");
        }
    });
    Ok(sender)
}

impl Kept {
    /// Drops what is too old or closed, at most once a second.
    fn sweep(&mut self) {
        if self.swept.elapsed() < Duration::from_secs(1) {
            return;
        }
        self.swept = Instant::now();
        self.connections.retain(|_, connections| {
            connections.retain(|(since, sender)| usable(*since, sender));
            !connections.is_empty()
        });
    }
}

fn usable(since: Instant, sender: &Sender) -> bool {
    since.elapsed() < limits::HTTP_KEPT && sender.is_ready()
}

fn refused(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => {
            Error::ConnectionRefused
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Error::DestinationIpUnroutable
        }
        _ => Error::Connect(error),
    }
}

/// An answer's body that gives its connection back when it was read to its end. Dropped before, it closes the connection.
pub struct Answer {
    body: Bounded,
    held: Option<(Pool, Destination, Sender)>,
}

impl Answer {
    /// The body of an answer that came over `sender`.
    pub fn new(body: Bounded, pool: Pool, destination: Destination, sender: Sender) -> Self {
        let mut answer = Self {
            body,
            held: Some((pool, destination, sender)),
        };
        answer.release_at_end();
        answer
    }

    fn release_at_end(&mut self) {
        if self.body.is_end_stream() {
            self.release();
        }
    }

    fn release(&mut self) {
        if let Some((pool, destination, sender)) = self.held.take() {
            pool.give_back(destination, sender);
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(_))) => self.release_at_end(),
            Poll::Ready(Some(Err(_))) => self.held = None,
            Poll::Ready(None) => self.release(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
