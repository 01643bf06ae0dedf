//! The answer to an upgrade.

use anyhow::{Context, Result, bail, ensure};

/// Whether the answer to the upgrade is 101, and agrees to compression where that was offered (RFC 7692, section 7.1).
///
/// # Errors
/// What it is otherwise.
pub fn upgraded(head: &[u8], after: &[u8], deflate: bool) -> Result<()> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut fields);
    answer.parse(head).context("the answer is not HTTP")?;
    match answer.code {
        Some(101) if deflate => agreed(answer.headers),
        Some(101) => Ok(()),
        Some(503) => bail!(
            "the server answers 503, it takes no more sockets so fast: lower --open-rate: {}",
            beginning(after)
        ),
        code => bail!(
            "the upgrade is answered with {}: {}",
            code.unwrap_or_default(),
            beginning(after)
        ),
    }
}

fn agreed(fields: &[httparse::Header<'_>]) -> Result<()> {
    let taken = fields
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("sec-websocket-extensions"))
        .map(|field| String::from_utf8_lossy(field.value))
        .context("--deflate: the server does not compress")?;
    let mut parts = taken.split(';').map(str::trim);
    ensure!(
        parts.next() == Some("permessage-deflate")
            && parts.any(|part| part == "server_no_context_takeover"),
        "--deflate: the server would compress as is not read here: {taken}"
    );
    Ok(())
}

/// The beginning of what a server said, for errors.
pub fn beginning(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(300)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_not_101_is_told() {
        assert!(upgraded(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"", false).is_ok());
        for (head, told) in [
            (&b"HTTP/1.1 404 Not Found\r\n\r\n"[..], "404: no such"),
            (b"HTTP/1.1 503 Unavailable\r\n\r\n", "--open-rate"),
            (b"SSH-2.0\r\n\r\n", "not HTTP"),
        ] {
            let error = format!("{:#}", upgraded(head, b"no such", false).unwrap_err());
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn who_does_not_agree_to_compression_is_told() {
        let answer = |value: &str| {
            let head = format!("HTTP/1.1 101 X\r\nSec-WebSocket-Extensions: {value}\r\n\r\n");
            upgraded(head.as_bytes(), b"", true).map_err(|error| error.to_string())
        };
        assert_eq!(answer(crate::fanout::inflate::OFFER), Ok(()));
        for other in ["permessage-deflate", "x; server_no_context_takeover", ""] {
            let error = answer(other).unwrap_err();
            assert!(error.contains("is not read here"), "{error}");
        }
        let error = upgraded(b"HTTP/1.1 101 X\r\n\r\n", b"", true).unwrap_err();
        assert!(error.to_string().contains("does not compress"), "{error}");
    }
}
