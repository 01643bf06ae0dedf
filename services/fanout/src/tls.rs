//! TLS of the viewers' listener: the certificate, and what every session is made from.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, ensure};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Bytes of a file with a chain or a key: a chain has 3 to 4 certificates of about 2 KiB as PEM.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// What sessions are made from. The certificate can be changed while it is used.
#[derive(Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    files: Files,
}

/// Where the certificate comes from, PEM.
#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// The certificate that new sessions show.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    // One certificate, whatever name is asked for: it covers all names of the node.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(shown.clone())
    }
}

impl Tls {
    /// Reads both files, if they are given.
    ///
    /// # Errors
    ///
    /// One without the other; a file that cannot be read, is too large, or holds no certificate or key; a key that is not
    /// the certificate's.
    pub fn new(certificate: Option<&Path>, key: Option<&Path>) -> anyhow::Result<Option<Self>> {
        let files = match (certificate, key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => Files {
                certificate: certificate.to_owned(),
                key: key.to_owned(),
            },
            _ => anyhow::bail!("--tls-cert-file and --tls-key-file are given both, or neither"),
        };
        let provider = Arc::new(ring::default_provider());
        let shown = Arc::new(Shown(RwLock::new(Arc::new(files.read(&provider)?))));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("TLS 1.2 and 1.3")?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Tickets hold a session's state at the viewer: whoever comes back saves both sides a signature, and nothing is
        // kept here for them. One is enough for the one connection that a viewer opens.
        config.ticketer = ring::Ticketer::new().context("keys of TLS sessions")?;
        config.send_tls13_tickets = 1;
        Ok(Some(Self {
            config: Arc::new(config),
            shown,
            files,
        }))
    }

    /// What a session is made from.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// Reads the files again. Open connections keep their sessions; an error leaves the certificate as it was.
    pub fn reload(&self) -> anyhow::Result<()> {
        let certified = self.files.read(self.config.crypto_provider())?;
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
        Ok(())
    }
}

impl Files {
    fn read(&self, provider: &CryptoProvider) -> anyhow::Result<CertifiedKey> {
        let named = || format!("--tls-cert-file {}", self.certificate.display());
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(&read(&self.certificate).with_context(named)?)
                .collect::<Result<_, _>>()
                .with_context(named)?;
        ensure!(
            !chain.is_empty(),
            "{}: it has no certificate: PEM is needed, -----BEGIN CERTIFICATE-----",
            named()
        );
        let key_named = || format!("--tls-key-file {}", self.key.display());
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key).with_context(key_named)?)
            .map_err(anyhow::Error::from)
            .context("it has no private key: PEM is needed, -----BEGIN PRIVATE KEY-----")
            .with_context(key_named)?;
        CertifiedKey::from_der(chain, key, provider)
            .with_context(|| format!("{} and {} do not belong together", named(), key_named()))
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let size = std::fs::metadata(path)?.len();
    ensure!(
        size <= MAX_FILE_BYTES,
        "it is larger than {MAX_FILE_BYTES} bytes"
    );
    Ok(std::fs::read(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let at = |end: &str| folder.join(format!("{name}.{end}"));
        std::fs::write(at("crt"), made.cert.pem()).unwrap();
        std::fs::write(at("key"), made.signing_key.serialize_pem()).unwrap();
        (at("crt"), at("key"))
    }

    fn refused(certificate: Option<&Path>, key: Option<&Path>) -> String {
        format!("{:#}", Tls::new(certificate, key).unwrap_err())
    }

    #[test]
    fn every_refusal_names_the_file_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = made(folder.path(), "a");
        let (other, _) = made(folder.path(), "b");
        assert!(Tls::new(None, None).unwrap().is_none());
        assert!(Tls::new(Some(&cert), Some(&key)).unwrap().is_some());
        assert!(refused(Some(&cert), None).contains("both"));
        assert!(refused(None, Some(&key)).contains("both"));
        let none = folder.path().join("none");
        assert!(refused(Some(&none), Some(&key)).contains("--tls-cert-file"));
        assert!(refused(Some(&cert), Some(&none)).contains("--tls-key-file"));
        assert!(refused(Some(&key), Some(&key)).contains("no certificate"));
        assert!(refused(Some(&cert), Some(&cert)).contains("no private key"));
        assert!(refused(Some(&other), Some(&key)).contains("do not belong together"));
        let large = folder.path().join("large");
        std::fs::write(&large, vec![b'x'; MAX_FILE_BYTES as usize + 1]).unwrap();
        assert!(refused(Some(&large), Some(&key)).contains("larger than"));
    }

    #[test]
    fn a_file_that_became_bad_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = made(folder.path(), "a");
        let tls = Tls::new(Some(&cert), Some(&key)).unwrap().unwrap();
        let shown = || tls.shown.0.read().unwrap().cert[0].clone();
        let first = shown();
        std::fs::write(&cert, "nonsense").unwrap();
        assert!(tls.reload().is_err());
        assert_eq!(shown(), first);
        made(folder.path(), "a");
        tls.reload().unwrap();
        assert_ne!(shown(), first);
    }
}
