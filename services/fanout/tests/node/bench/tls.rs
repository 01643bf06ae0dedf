//! Certificates, and viewers who trust them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use super::{Bench, Node, Viewer, dial, soon};

/// A certificate that signs itself, and its key, as files.
pub struct Certificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

pub type Secured = StreamOwned<ClientConnection, std::net::TcpStream>;

impl Certificate {
    /// Of 127.0.0.1, in this folder, in place of the one that lies there.
    pub fn new(folder: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let at = Self {
            certificate: folder.join("node.crt"),
            key: folder.join("node.key"),
        };
        std::fs::write(&at.certificate, made.cert.pem()).unwrap();
        std::fs::write(&at.key, made.signing_key.serialize_pem()).unwrap();
        at
    }

    pub fn node(&self, bench: &Bench, more: &[&str]) -> Node {
        let mut flags = vec![
            "--tls-cert-file",
            self.certificate.to_str().unwrap(),
            "--tls-key-file",
            self.key.to_str().unwrap(),
        ];
        flags.extend(more);
        bench.node("n1", &flags)
    }

    /// Trusts the certificate that lies there now.
    pub fn client(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(&self.certificate).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }

    /// A connection whose handshake is over.
    pub fn dial(&self, node: &Node, config: &Arc<ClientConfig>) -> Secured {
        try_dial(node, config).unwrap()
    }

    /// A viewer who has said hello.
    pub fn viewer(&self, node: &Node) -> Viewer {
        let config = self.client(rustls::ALL_VERSIONS);
        let mut viewer = Viewer::open_over(node, Box::new(self.dial(node, &config)));
        viewer.greet(None);
        viewer
    }
}

/// Shakes hands, or says why that cannot be.
pub fn try_dial(node: &Node, config: &Arc<ClientConfig>) -> std::io::Result<Secured> {
    try_secure(dial(node), config)
}

/// The same over a connection that there is.
pub fn try_secure(
    stream: std::net::TcpStream,
    config: &Arc<ClientConfig>,
) -> std::io::Result<Secured> {
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let session = ClientConnection::new(config.clone(), name).unwrap();
    let mut wire = StreamOwned::new(session, stream);
    soon("the handshake", || {
        match wire.conn.complete_io(&mut wire.sock) {
            Ok(_) if wire.conn.is_handshaking() => None,
            Ok(_) => Some(Ok(())),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(error) => Some(Err(error)),
        }
    })?;
    Ok(wire)
}
