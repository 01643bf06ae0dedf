//! One connection (HTTP/1.1, RFC 9112): a request, its whole answer, the next.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::requests::Requests;
use super::tally::Tally;

/// No answer here has more header fields.
const FIELDS: usize = 64;
/// Nor more bytes.
const ANSWER_BYTES: usize = 64 << 10;
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open connection.
pub struct Client {
    stream: TcpStream,
    /// What has arrived of the answer.
    read: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            read: Vec::with_capacity(4_096),
        })
    }

    /// Sends requests until told to stop.
    ///
    /// # Errors
    /// When the connection breaks, or an answer is not HTTP or does not come.
    pub async fn run(mut self, requests: Rc<Requests>, tally: Rc<Tally>) -> Result<()> {
        let mut request = Vec::with_capacity(1_024);
        while !tally.is_stopped() {
            requests.next(&mut request);
            let sent = Instant::now();
            self.stream.write_all(&request).await?;
            let status = tokio::time::timeout(PATIENCE, self.answer())
                .await
                .with_context(|| format!("no answer within {} s", PATIENCE.as_secs()))??;
            if status == requests.expected() {
                tally.add(u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX));
            } else {
                tally.refuse(String::from_utf8_lossy(&self.read).into_owned());
            }
        }
        Ok(())
    }

    /// Reads one answer to its end; gives its status.
    async fn answer(&mut self) -> Result<u16> {
        self.read.clear();
        loop {
            let more = self.stream.read_buf(&mut self.read).await?;
            ensure!(more > 0, "the server closed the connection");
            if let Some((status, whole_bytes)) = head(&self.read)? {
                while self.read.len() < whole_bytes {
                    let more = self.stream.read_buf(&mut self.read).await?;
                    ensure!(more > 0, "the server closed the connection");
                }
                ensure!(self.read.len() == whole_bytes, "more came than one answer");
                return Ok(status);
            }
            ensure!(
                self.read.len() <= ANSWER_BYTES,
                "the answer's head is too long"
            );
        }
    }
}

/// Status, and the length of head and body, once the head is there.
fn head(bytes: &[u8]) -> Result<Option<(u16, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut answer = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head_bytes) = answer.parse(bytes)? else {
        return Ok(None);
    };
    let status = answer.code.context("the answer has no status")?;
    for field in answer.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            let body_bytes: usize = std::str::from_utf8(field.value)?.trim().parse()?;
            ensure!(body_bytes <= ANSWER_BYTES, "the answer is too long");
            return Ok(Some((status, head_bytes + body_bytes)));
        }
    }
    bail!("the answer, {status}, has no content-length")
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn an_answer_is_as_long_as_it_says() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(head(answer).unwrap(), Some((202, answer.len())));
        assert_eq!(head(&answer[..20]).unwrap(), None);
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(head(b"SSH-2.0\r\n\r\n").is_err());
    }
}
