//! The way to a Redis, plain or with TLS, the same for every service.

mod call;
mod error;
mod ground;
mod open;
mod reply;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{Client, ConnectionInfo, IntoConnectionInfo, TlsCertificates};

pub use call::function;
pub use error::LinkError;
pub use ground::{layout, prepare, text};
pub use open::{ServerId, leads_to, open};
pub use reply::{flatten, strings};

/// An idle connection is asked for a sign of life after so long, then each [`KEEPALIVE_EVERY`], and given up by the kernel when
/// [`UNANSWERED`] has gone by: what a middlebox forgot ends within 15 s, also where nobody waits for an answer.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(10);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(2);
/// How long what was sent may stay unacknowledged. Callers wait less; this ends what they gave up.
const UNANSWERED: Duration = Duration::from_secs(5);

/// Bytes of a file of authorities; a system's whole bundle has about 250 KiB.
const MAX_CA_FILE_BYTES: u64 = 4 << 20;

/// What opens connections to a Redis, once its address, what to show there and the authorities of its certificate are checked.
///
/// `what` names the setting that the address comes from. `auth` is `USER:PASSWORD` or `:PASSWORD`, and gives way to what the
/// address itself says. `ca_file` has certificates as PEM, at most 4 MiB, which alone are trusted then; it is read for
/// `rediss://` only.
///
/// # Errors
///
/// Whatever is malformed or cannot be read, in words that say what to do and never repeat a password.
pub fn client(
    what: &str,
    url: &str,
    auth: Option<&str>,
    ca_file: Option<&Path>,
) -> anyhow::Result<Client> {
    let one = !url.contains(',')
        && !url
            .split("://")
            .next()
            .is_some_and(|head| head.contains('='));
    ensure!(
        one,
        "{what}: this version takes one address, not ranges of shards"
    );
    ensure!(
        !url.contains("#insecure"),
        "{what}: `#insecure` is not taken: name the authority of the certificate with --redis-ca-file"
    );
    // The client's own error may repeat the address, password included.
    let wrong =
        |_| anyhow!("{what} must be redis://[USER:PASSWORD@]HOST:PORT[/DB], or rediss:// for TLS");
    let mut info: ConnectionInfo = url.into_connection_info().map_err(wrong)?;
    if let Some(auth) = auth.filter(|auth| !auth.is_empty())
        && info.redis_settings().password().is_none()
    {
        let (user, password) = auth
            .split_once(':')
            .context("redis_auth (SPIN_VARIABLE_REDIS_AUTH) is USER:PASSWORD or :PASSWORD")?;
        let mut settings = info.redis_settings().clone().set_password(password);
        if !user.is_empty() {
            settings = settings.set_username(user);
        }
        info = info.set_redis_settings(settings);
    }
    // Calls are many and small, and the next is sent before the last is answered: none may wait for the others.
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY);
    info = info.set_tcp_settings(
        TcpSettings::default()
            .set_nodelay(true)
            .set_keepalive(keepalive)
            .set_user_timeout(UNANSWERED),
    );
    let Some(path) = ca_file.filter(|_| url.starts_with("rediss://")) else {
        return Client::open(info).map_err(wrong);
    };
    let named = || format!("--redis-ca-file {}", path.display());
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
    Client::build_with_tls(info, certificates).with_context(named)
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

#[cfg(test)]
mod tests {
    use super::*;

    fn said(url: &str, auth: Option<&str>, ca: Option<&[u8]>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        if let Some(text) = ca {
            std::fs::write(&path, text).unwrap();
        }
        let path = ca.is_some().then_some(path.as_path());
        client("--from us", url, auth, path)
            .map_or_else(|error| format!("{error:#}"), |_| String::new())
    }

    #[test]
    fn credentials_come_from_the_address_or_beside_it() {
        let made = client("x", "redis://h:1", Some("bob:secret"), None).unwrap();
        let settings = made.get_connection_info().redis_settings();
        assert_eq!(
            (settings.username(), settings.password()),
            (Some("bob"), Some("secret"))
        );
        let made = client("x", "redis://u:p@h:1", Some("bob:secret"), None).unwrap();
        let settings = made.get_connection_info().redis_settings();
        assert_eq!(
            (settings.username(), settings.password()),
            (Some("u"), Some("p"))
        );
        assert!(said("redis://h:1", Some("secret"), None).contains("USER:PASSWORD"));
    }

    #[test]
    fn what_is_refused_says_what_to_do_and_no_password() {
        for url in ["h:1", "http://u:hidden@h", "redis://u:hidden@h:x", ""] {
            let said = said(url, None, None);
            assert!(
                said.contains("must be redis://") && !said.contains("hidden"),
                "{said}"
            );
        }
        assert!(said("0-1=redis://h:1,2-3=redis://h:2", None, None).contains("one address"));
        assert!(said("rediss://h:1/#insecure", None, None).contains("--redis-ca-file"));
        assert!(said("rediss://h:1", None, Some(b"no PEM")).contains("has no certificate"));
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(said("rediss://h:1", None, Some(broken)).contains("ca.pem"));
    }
}
