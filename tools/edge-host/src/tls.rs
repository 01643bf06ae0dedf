//! TLS towards upstreams and Redis: which certificates are trusted.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail};
use redis::{Client, ConnectionInfo, TlsCertificates};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wasmtime_wasi_http::Error;

use crate::limits;

/// Whose signature makes a certificate good: the system's authorities, and those of a file.
#[derive(Clone)]
pub struct Trust {
    further: Arc<[CertificateDer<'static>]>,
    /// Made when the first connection needs it: most apps need none.
    made: Arc<OnceLock<Made>>,
}

struct Made {
    http: TlsConnector,
    /// All authorities in PEM, the form in which the Redis client takes them.
    bundle: Vec<u8>,
}

impl Trust {
    /// Reads the file of further authorities, PEM, if one is named.
    pub fn read(file: Option<&Path>) -> Result<Self> {
        let further = match file {
            None => Vec::new(),
            Some(path) => {
                authorities(path).with_context(|| format!("--ca-file {}", path.display()))?
            }
        };
        Ok(Self {
            further: further.into(),
            made: Arc::default(),
        })
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(|| {
            let system = rustls_native_certs::load_native_certs();
            for error in &system.errors {
                tracing::warn!("an authority of the system is not read: {error}");
            }
            let mut roots = RootCertStore::empty();
            let mut bundle = Vec::new();
            for authority in system.certs.into_iter().chain(self.further.iter().cloned()) {
                // Systems carry some that are too old to be read; they vouch for nothing here.
                if roots.add(authority.clone()).is_ok() {
                    bundle.extend_from_slice(&pem(&authority));
                }
            }
            if roots.is_empty() {
                tracing::warn!("no authority is trusted, so every certificate will be refused: install ca-certificates, or use --ca-file");
            }
            let mut config = ClientConfig::builder()
                .with_root_certificates(roots)
                .with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Made {
                http: TlsConnector::from(Arc::new(config)),
                bundle,
            }
        })
    }

    /// TLS over a connection that is open, with the name or address that it was opened to.
    pub async fn wrap(&self, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| Error::HttpRequestUriInvalid)?;
        let shaken = self.made().http.connect(name, stream).await;
        shaken.map_err(|error| {
            tracing::warn!(host, "no TLS with this host: {error}");
            refused(error)
        })
    }

    /// A client of a Redis, with TLS where its address asks for it.
    pub fn redis(&self, to: ConnectionInfo, secure: bool) -> redis::RedisResult<Client> {
        if !secure {
            return Client::open(to);
        }
        let root_cert = Some(self.made().bundle.clone());
        let certificates = TlsCertificates {
            client_tls: None,
            root_cert,
        };
        Client::build_with_tls(to, certificates)
    }
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let size = std::fs::metadata(path).context("it cannot be read")?.len();
    if size > limits::MAX_CA_FILE_BYTES {
        bail!("it is larger than {} bytes", limits::MAX_CA_FILE_BYTES);
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .context("it cannot be read")?
        .collect();
    let found = found.context("it is not PEM")?;
    let mut roots = RootCertStore::empty();
    for authority in &found {
        roots
            .add(authority.clone())
            .context("one of its certificates cannot be read")?;
    }
    if found.is_empty() {
        bail!("it has no certificate: PEM is needed, -----BEGIN CERTIFICATE-----");
    }
    Ok(found)
}

fn pem(der: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = b"-----BEGIN CERTIFICATE-----\n".to_vec();
    for line in text.as_bytes().chunks(64) {
        pem.extend_from_slice(line);
        pem.push(b'\n');
    }
    pem.extend_from_slice(b"-----END CERTIFICATE-----\n");
    pem
}

fn refused(error: io::Error) -> Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Error::TlsCertificateError
        }
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        Some(_) => Error::TlsProtocolError,
        None => Error::Tls(error),
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::{Trust, pem};

    #[test]
    fn what_is_written_as_pem_is_read_again() {
        for length in [0, 1, 47, 48, 49, 500] {
            let der = vec![7; length];
            let read = CertificateDer::from_pem_slice(&pem(&der)).unwrap();
            assert_eq!(&*read, der.as_slice());
        }
    }

    #[test]
    fn a_file_without_authorities_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        for (text, why) in [
            ("", "it has no certificate"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "cannot be read",
            ),
            (
                "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n",
                "not PEM",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Trust::read(Some(&path)).err().unwrap();
            let said = format!("{error:#}");
            assert!(said.contains("ca.pem") && said.contains(why), "{said}");
        }
        assert!(Trust::read(Some(&folder.path().join("none"))).is_err());
        assert!(Trust::read(None).is_ok());
    }
}
