//! TLS for tests: an authority of one's own, and a front that speaks TLS before a server that does not.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Signs certificates that nobody trusts unless told to.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
    /// Its own certificate, PEM.
    pub file: PathBuf,
}

/// A server's certificate and key, PEM.
pub struct Certified {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Authority {
    /// Makes one, whose files lie in this folder under this name.
    pub fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are good names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = named(&format!("the authority {name}"));
        let key = KeyPair::generate().expect("a key");
        let own = params.self_signed(&key).expect("a certificate");
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, own.pem()).expect("a file");
        Self {
            issuer: Issuer::new(params, key),
            folder: folder.to_owned(),
            file,
        }
    }

    /// Certifies a server of this name or address.
    pub fn certify(&self, name: &str) -> Certified {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a good name");
        params.distinguished_name = named(name);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let certified = Certified {
            certificate: self.folder.join(format!("{name}.crt")),
            key: self.folder.join(format!("{name}.key")),
        };
        std::fs::write(&certified.certificate, certificate.pem()).expect("a file");
        std::fs::write(&certified.key, key.serialize_pem()).expect("a file");
        certified
    }
}

/// Names of their own: who trusts by OpenSSL takes a certificate of its issuer's name for a self-signed one.
fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// Takes TLS connections and hands what they say to a plain server. It goes when it is dropped.
pub struct Front {
    /// Where it listens.
    pub address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Front {
    /// Starts one before `host:port`.
    pub fn start(certified: &Certified, to: &str) -> Self {
        let chain = CertificateDer::pem_file_iter(&certified.certificate)
            .and_then(Iterator::collect)
            .expect("the certificate is PEM");
        let key = PrivateKeyDer::from_pem_file(&certified.key).expect("the key is PEM");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("they belong together");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let to = to.to_owned();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, to) = (acceptor.clone(), to.clone());
                tokio::spawn(async move {
                    // Whoever does not trust the certificate goes away; that is what some tests are about.
                    let mut outside = acceptor.accept(stream).await.ok()?;
                    let mut inside = TcpStream::connect(to).await.ok()?;
                    tokio::io::copy_bidirectional(&mut outside, &mut inside)
                        .await
                        .ok()
                });
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }
}
