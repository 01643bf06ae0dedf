//! `wasi:http/client` for guests: what may be asked, how long it may take, how large the answer may be.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::uri::{PathAndQuery, Scheme};
use http::{Method, Request, Response, Uri, Version};
use http_body_util::BodyExt;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

use crate::app::ComponentConfig;
use crate::bounded::{Bounded, Bounds, announced};
use crate::http_pool::{Answer, Destination, Pool};
use crate::limits;

/// Gives a guest outbound HTTP.
pub struct HttpClient {
    config: Arc<ComponentConfig>,
    pool: Pool,
}

type Io = Box<dyn Future<Output = Result<()>> + Send>;

impl HttpClient {
    /// A client that goes where `config` allows it to.
    pub fn new(config: Arc<ComponentConfig>, pool: Pool) -> Self {
        Self { config, pool }
    }
}

impl WasiHttpHooks for HttpClient {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Io,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Io)>> + Send> {
        let config = self.config.clone();
        let pool = self.pool.clone();
        let options = options.unwrap_or_default();
        Box::new(async move {
            let response = send(&config, &pool, request, options).await?;
            // The connection is driven by a task of its own; there is nothing left for the guest's store to poll.
            Ok((response, Box::new(std::future::ready(Ok(()))) as Io))
        })
    }

    fn p3_error_from_hyper(&mut self, error: &hyper::Error) -> ErrorCode {
        tracing::debug!(component = self.config.id, "outbound HTTP: {error:?}");
        if error.is_parse_too_large() {
            ErrorCode::HttpResponseHeaderSectionSize(Some(limits::HTTP_HEAD_BYTES as u32))
        } else if error.is_incomplete_message()
            || io_cause(error) == Some(io::ErrorKind::UnexpectedEof)
        {
            ErrorCode::HttpResponseIncomplete
        } else if error.is_parse() {
            ErrorCode::HttpProtocolError
        } else if error.is_canceled() || error.is_closed() || io_cause(error).is_some() {
            ErrorCode::ConnectionTerminated
        } else {
            ErrorCode::HttpProtocolError
        }
    }
}

fn io_cause(error: &hyper::Error) -> Option<io::ErrorKind> {
    let cause = error.source()?.downcast_ref::<io::Error>()?;
    Some(cause.kind())
}

/// Sends a request, if the component may, and gives the head of the answer and its body as it comes.
async fn send(
    config: &ComponentConfig,
    pool: &Pool,
    mut request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Response<WasiBody>> {
    let destination = destination(config, request.uri())?;
    if request.method() == Method::CONNECT {
        return Err(Error::HttpRequestMethodInvalid);
    }
    // A request to a server names the path alone; the host stands in its header.
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    *request.version_mut() = Version::HTTP_11;

    let or = |wanted: Option<Duration>, usual| wanted.unwrap_or(usual);
    let connect = or(options.connect_timeout, limits::HTTP_CONNECT_TIMEOUT);
    let first_byte = or(options.first_byte_timeout, limits::HTTP_FIRST_BYTE_TIMEOUT);
    let between = or(
        options.between_bytes_timeout,
        limits::HTTP_BETWEEN_BYTES_TIMEOUT,
    );
    loop {
        let (mut sender, used) = match pool.take(&destination) {
            Some(kept) => (kept, true),
            None => (pool.open(&destination, connect).await?, false),
        };
        let answer = tokio::time::timeout(first_byte, sender.try_send_request(request));
        let response = match answer.await.map_err(|_| Error::ConnectionReadTimeout)? {
            Ok(response) => response,
            Err(mut failed) => match failed.take_message() {
                // The server closed a kept connection before anything of the request was sent.
                Some(unsent) if used => {
                    request = unsent;
                    continue;
                }
                _ => return Err(failed.into_error().into()),
            },
        };
        let length = announced(response.headers());
        if length.is_some_and(|length| length > limits::HTTP_ANSWER_BYTES as u64) {
            return Err(Error::HttpResponseBodySize(length));
        }
        let bounds = Bounds {
            max_bytes: limits::HTTP_ANSWER_BYTES,
            pause: between,
            larger: Error::HttpResponseBodySize,
        };
        return Ok(response.map(|body| {
            let body = Bounded::new(body, bounds);
            Answer::new(body, pool.clone(), destination, sender).boxed_unsync()
        }));
    }
}

/// Where a request goes. What is checked is the very host and port that would be connected to.
fn destination(config: &ComponentConfig, uri: &Uri) -> Result<Destination> {
    let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
    if authority.host().is_empty() || authority.as_str().contains('@') {
        return Err(Error::HttpRequestUriInvalid);
    }
    let secure = uri.scheme() == Some(&Scheme::HTTPS);
    let (scheme, usual) = if secure { ("https", 443) } else { ("http", 80) };
    let port = match authority.port() {
        Some(port) => port.as_u16(),
        None => usual,
    };
    let destination = Destination {
        secure,
        host: authority.host().to_owned(),
        port,
    };
    let host = &destination.host;
    if !config.hosts.allow(scheme, host, port) {
        tracing::warn!(
            component = config.id,
            "request to {scheme}://{host}:{port} refused: it is not in the component's allowed_outbound_hosts"
        );
        return Err(Error::HttpRequestDenied);
    }
    Ok(destination)
}
