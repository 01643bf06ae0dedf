//! Asks another region's edge whether it serves: one short request, bounded in time and size, over TLS where its URL says so.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::http::Uri;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long an edge may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is read of an answer: its status line is all that counts.
const STATUS_BYTES: usize = 64;

/// A client for such questions.
#[derive(Clone)]
pub struct Probe(TlsConnector);

impl Probe {
    /// One that checks certificates against those that this machine trusts.
    pub fn new() -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        // One that cannot be read is not trusted; without any, https edges count as out of reach, and the log says why.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self::trusting(roots)
    }

    fn trusting(roots: RootCertStore) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Whether the edge at `base` answers its `/readyz` with 200 in time.
    ///
    /// # Errors
    /// No answer, or none of HTTP.
    pub async fn is_ready(&self, base: &str) -> anyhow::Result<bool> {
        let status = tokio::time::timeout(PATIENCE, self.status(base))
            .await
            .context("no answer in time")??;
        Ok(status == 200)
    }

    async fn status(&self, base: &str) -> anyhow::Result<u16> {
        let url: Uri = format!("{}/readyz", base.trim_end_matches('/')).parse()?;
        let host = url.host().context("the URL has no host")?;
        let tls = url.scheme_str() == Some("https");
        let port = url.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let authority = url.authority().context("the URL has no host")?;
        let request = format!(
            "GET {} HTTP/1.1\r\nhost: {authority}\r\nuser-agent: tidegate-fanout\r\nconnection: close\r\n\r\n",
            url.path()
        );
        let bare = host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((bare, port)).await?;
        if tls {
            let name = ServerName::try_from(bare.to_owned())?;
            ask(self.0.connect(name, stream).await?, &request).await
        } else {
            ask(stream, &request).await
        }
    }
}

async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
) -> anyhow::Result<u16> {
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut head = Vec::with_capacity(STATUS_BYTES);
    let mut limited = stream.take(STATUS_BYTES as u64);
    while !head.contains(&b'\n') {
        match limited.read_buf(&mut head).await {
            Ok(0) => break,
            // A peer that ends without saying so has still said what it said.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            other => other?,
        };
    }
    match status_of(&head) {
        Some(status) => Ok(status),
        None => bail!("the answer is not one of HTTP"),
    }
}

/// The status of `HTTP/1.1 200 OK`.
fn status_of(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let rest = line
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| line.strip_prefix("HTTP/1.0 "))?;
    rest.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    #[test]
    fn a_status_is_read_and_nothing_else_is_one() {
        assert_eq!(status_of(b"HTTP/1.1 200 OK\r\nx: y"), Some(200));
        assert_eq!(status_of(b"HTTP/1.0 503\r\n"), Some(503));
        for bad in ["", "SSH-2.0-x\r\n", "HTTP/1.1 ok\r\n", "HTTP/2 200\r\n"] {
            assert_eq!(status_of(bad.as_bytes()), None, "{bad}");
        }
    }

    /// Answers one connection, whatever is asked for, and gives what was asked.
    async fn answer_one(
        listener: TcpListener,
        acceptor: Option<TlsAcceptor>,
        with: &str,
    ) -> String {
        let (stream, _) = listener.accept().await.unwrap();
        async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, with: &str) -> String {
            let mut asked = vec![0; 1024];
            let count = stream.read(&mut asked).await.unwrap();
            stream.write_all(with.as_bytes()).await.unwrap();
            let _ = stream.shutdown().await;
            String::from_utf8(asked[..count].to_vec()).unwrap()
        }
        match acceptor {
            Some(acceptor) => match acceptor.accept(stream).await {
                Ok(stream) => talk(stream, with).await,
                Err(_) => String::new(),
            },
            None => talk(stream, with).await,
        }
    }

    async fn listen() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    #[tokio::test]
    async fn an_edge_is_ready_when_it_answers_200() {
        let probe = Probe::trusting(RootCertStore::empty()).unwrap();
        for (answer, ready) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Some(true)),
            ("HTTP/1.1 503 No\r\n\r\n", Some(false)),
            ("hello\r\n", None),
            ("", None),
        ] {
            let (listener, port) = listen().await;
            let url = format!("http://127.0.0.1:{port}/");
            let (asked, found) =
                tokio::join!(answer_one(listener, None, answer), probe.is_ready(&url));
            assert!(asked.starts_with("GET /readyz HTTP/1.1\r\nhost: 127.0.0.1:"));
            assert_eq!(found.ok(), ready, "{answer}");
        }
    }

    #[tokio::test]
    async fn certificates_are_checked() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.unwrap())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let mut trusted = RootCertStore::empty();
        trusted.add(made.cert.der().clone()).unwrap();
        for (roots, ready) in [(trusted, Some(true)), (RootCertStore::empty(), None)] {
            let probe = Probe::trusting(roots).unwrap();
            let (listener, port) = listen().await;
            let url = format!("https://localhost:{port}");
            let answer = "HTTP/1.1 200 OK\r\n\r\n";
            let (_, found) = tokio::join!(
                answer_one(listener, Some(acceptor.clone()), answer),
                probe.is_ready(&url)
            );
            assert_eq!(found.ok(), ready);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_edge_is_given_up() {
        let probe = Probe::trusting(RootCertStore::empty()).unwrap();
        let (listener, port) = listen().await;
        let url = format!("http://127.0.0.1:{port}");
        let error = probe.is_ready(&url).await.unwrap_err();
        assert!(error.to_string().contains("in time"));
        drop(listener);
    }
}
