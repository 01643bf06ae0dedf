//! The HTTP server: connections, the way of a request to its component, and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use wasmtime_wasi_http::WasiBody;

use crate::app::App;
use crate::args::Args;
use crate::handler::Failure;
use crate::limits;
use crate::request::{Refusal, absolute_uri, bounded_body, problem, remove_connection, with_place};
use crate::routes::WELL_KNOWN;

struct Server {
    app: App,
    places: Arc<Semaphore>,
    tells_client: bool,
}

/// Serves, as `args` say, until `stop` is done, then lets requests in flight end.
pub async fn serve(listener: TcpListener, app: App, args: &Args, stop: impl Future<Output = ()>) {
    let server = Arc::new(Server {
        app,
        places: Arc::new(Semaphore::new(args.max_concurrent)),
        tells_client: !args.no_client_addr,
    });
    let connections = Arc::new(Semaphore::new(limits::MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = async {
            let room = connections.clone().acquire_owned().await;
            (listener.accept().await, room)
        };
        let (accepted, room) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, client)) => {
                let connection = graceful.watch(connection(stream, client, server.clone()));
                tokio::spawn(async move {
                    let _room = room;
                    if let Err(error) = connection.await {
                        tracing::debug!(%client, "connection ended: {error}");
                    }
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: accepting again at once would spin.
                tracing::warn!("cannot accept: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    tracing::info!(
        "stopping: {} requests in flight",
        args.max_concurrent - server.places.available_permits()
    );
    if tokio::time::timeout(limits::DRAIN, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            "requests were still in flight after {:?} and are cut off",
            limits::DRAIN
        );
    }
}

fn connection(
    stream: TcpStream,
    client: SocketAddr,
    server: Arc<Server>,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send {
    // An answer leaves in two writes, and the second must not wait for the client's delayed acknowledgement.
    if let Err(error) = stream
        .set_nodelay(true)
        .and_then(|()| end_when_unread(&stream))
    {
        tracing::debug!(%client, "socket option not set: {error}");
    }
    let service = service_fn(move |request| {
        let server = server.clone();
        async move { Ok::<_, std::convert::Infallible>(server.answer(request, client).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIMEOUT)
        .max_headers(limits::MAX_HEADERS)
        .max_buf_size(limits::MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}

#[cfg(target_os = "linux")]
fn end_when_unread(stream: &TcpStream) -> std::io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(limits::UNREAD))
}

#[cfg(not(target_os = "linux"))]
fn end_when_unread(_: &TcpStream) -> std::io::Result<()> {
    Ok(())
}

impl Server {
    async fn answer(
        &self,
        request: http::Request<Incoming>,
        client: SocketAddr,
    ) -> Response<WasiBody> {
        if let Some(rest) = request.uri().path().strip_prefix(WELL_KNOWN) {
            return match rest {
                "health" => Response::new(
                    Full::new(Bytes::from_static(b"OK"))
                        .map_err(Into::into)
                        .boxed_unsync(),
                ),
                _ => problem(&Refusal::NoRoute),
            };
        }
        self.call(request, client)
            .await
            .unwrap_or_else(|refusal| problem(&refusal))
    }

    async fn call(
        &self,
        mut request: http::Request<Incoming>,
        client: SocketAddr,
    ) -> Result<Response<WasiBody>, Refusal> {
        *request.uri_mut() = absolute_uri(request.uri(), request.headers())?;
        let path = request.uri().path().to_owned();
        let matched = self.app.routes.find(&path).ok_or(Refusal::NoRoute)?;
        // Both are built from the same list, so that a route without a component cannot be; a 404 would be right if it were.
        let handler = self
            .app
            .components
            .get(matched.component())
            .ok_or(Refusal::NoRoute)?;
        let place = Arc::new(
            self.places
                .clone()
                .try_acquire_owned()
                .map_err(|_| Refusal::Busy)?,
        );

        let (mut parts, body) = request.into_parts();
        remove_connection(&mut parts.headers);
        let client = self.tells_client.then_some(client);
        matched.set_headers(&mut parts.headers, &parts.uri, client);
        let (body, too_large) = bounded_body(body, &parts.headers)?;
        tracing::debug!(
            component = matched.component(),
            path,
            "request at the component"
        );
        let answer = handler
            .call(http::Request::from_parts(parts, body), place.clone())
            .await;
        if too_large.happened() {
            return Err(Refusal::TooLarge);
        }
        match answer {
            Ok(response) => Ok(response.map(|body| with_place(body, place))),
            Err(failure) => {
                tracing::error!(component = matched.component(), "no answer: {failure}");
                Err(match failure {
                    Failure::TimedOut => Refusal::TimedOut,
                    Failure::Failed(_) => Refusal::Failed,
                })
            }
        }
    }
}

impl From<&Refusal> for StatusCode {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::BadHost => Self::BAD_REQUEST,
            Refusal::NoRoute => Self::NOT_FOUND,
            Refusal::TooLarge => Self::PAYLOAD_TOO_LARGE,
            Refusal::Busy | Refusal::Failed => Self::SERVICE_UNAVAILABLE,
            Refusal::TimedOut => Self::GATEWAY_TIMEOUT,
        }
    }
}
