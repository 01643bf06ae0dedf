//! The answer to an upgrade.

use anyhow::{Context, Result, bail};

/// Whether the answer to the upgrade is 101.
///
/// # Errors
/// What it is otherwise.
pub fn upgraded(head: &[u8], after: &[u8]) -> Result<()> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut fields);
    answer.parse(head).context("the answer is not HTTP")?;
    match answer.code {
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

/// The beginning of what a server said, for errors.
pub fn beginning(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(300)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_not_101_is_told() {
        assert!(upgraded(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"").is_ok());
        for (head, told) in [
            (&b"HTTP/1.1 404 Not Found\r\n\r\n"[..], "404: no such"),
            (b"HTTP/1.1 503 Unavailable\r\n\r\n", "--open-rate"),
            (b"SSH-2.0\r\n\r\n", "not HTTP"),
        ] {
            let error = format!("{:#}", upgraded(head, b"no such").unwrap_err());
            assert!(error.contains(told), "{error}");
        }
    }
}
