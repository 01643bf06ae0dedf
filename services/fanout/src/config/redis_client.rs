//! The way to Redis, plain or with TLS.

use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use redis::{Client, TlsCertificates};

/// Bytes of a file of authorities; a system's whole bundle has about 250 KiB.
const MAX_CA_FILE_BYTES: u64 = 4 << 20;

/// Checks an address, and the authorities that it may be certified by.
pub fn make(url: &str, ca_file: Option<&Path>) -> anyhow::Result<Client> {
    let one = !url.contains(',')
        && !url
            .split("://")
            .next()
            .is_some_and(|head| head.contains('='));
    ensure!(
        one,
        "redis_url (SPIN_VARIABLE_REDIS_URL): this version takes one address, not ranges of shards"
    );
    ensure!(
        !url.contains("#insecure"),
        "redis_url (SPIN_VARIABLE_REDIS_URL): `#insecure` is not taken: name the authority of the certificate with \
         --redis-ca-file"
    );
    // The client's own error may repeat the address, password included.
    let wrong = |_| {
        anyhow!(
            "redis_url (SPIN_VARIABLE_REDIS_URL) must be redis://[USER:PASSWORD@]HOST:PORT[/DB], or rediss:// for TLS"
        )
    };
    let Some(path) = ca_file else {
        return Client::open(url).map_err(wrong);
    };
    let named = || format!("--redis-ca-file {}", path.display());
    if !url.starts_with("rediss://") {
        bail!("{}: it is read for rediss:// addresses only", named());
    }
    Client::open(url).map_err(wrong)?;
    let size = std::fs::metadata(path).with_context(named)?.len();
    ensure!(
        size <= MAX_CA_FILE_BYTES,
        "{}: it is larger than {MAX_CA_FILE_BYTES} bytes",
        named()
    );
    let pem = std::fs::read(path).with_context(named)?;
    ensure!(
        pem.windows(BEGIN.len()).any(|window| window == BEGIN),
        "{}: it has no certificate: PEM is needed, -----BEGIN CERTIFICATE-----",
        named()
    );
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: Some(pem),
    };
    Client::build_with_tls(url, certificates).with_context(named)
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

#[cfg(test)]
mod tests {
    use super::make;

    fn refused(url: &str, ca: Option<&[u8]>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        if let Some(text) = ca {
            std::fs::write(&path, text).unwrap();
        }
        let path = ca.is_some().then_some(path.as_path());
        format!("{:#}", make(url, path).err().unwrap())
    }

    #[test]
    fn an_address_is_taken_with_and_without_tls() {
        for url in ["redis://h:1", "redis://u:p@h:1/0", "rediss://u:p@h:1"] {
            assert!(make(url, None).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_refused_says_what_to_do_and_no_password() {
        for url in ["h:1", "http://u:hidden@h", "redis://u:hidden@h:x", ""] {
            let said = refused(url, None);
            assert!(
                said.contains("must be redis://") && !said.contains("hidden"),
                "{said}"
            );
        }
        assert!(refused("0-1=redis://h:1,2-3=redis://h:2", None).contains("one address"));
        assert!(refused("rediss://h:1/#insecure", None).contains("--redis-ca-file"));
        assert!(refused("redis://h:1", Some(b"")).contains("rediss:// addresses only"));
        assert!(refused("rediss://h:1", Some(b"no PEM")).contains("has no certificate"));
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(refused("rediss://h:1", Some(broken)).contains("ca.pem"));
    }
}
