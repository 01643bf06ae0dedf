//! A guest's stdout and stderr: line by line into the log, with the component's id. Writing never waits, so neither does the
//! guest.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::limits::{LOG_LINE_BYTES, OUTPUT_BYTES};

/// One output of one instance. All its streams write into the same line.
#[derive(Clone)]
pub struct GuestOutput(Arc<Mutex<Line>>);

struct Line {
    component: String,
    stream: &'static str,
    pending: Vec<u8>,
}

impl GuestOutput {
    /// The output `stream` (stdout or stderr) of an instance of `component`.
    pub fn new(component: &str, stream: &'static str) -> Self {
        Self(Arc::new(Mutex::new(Line {
            component: component.to_owned(),
            stream,
            pending: Vec::new(),
        })))
    }

    fn log(&self, bytes: &[u8]) {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        line.log(bytes);
    }
}

impl Line {
    fn log(&mut self, bytes: &[u8]) {
        let Self {
            component,
            stream,
            pending,
        } = self;
        split(pending, bytes, |text| {
            tracing::info!(target: "guest", component, stream, "{text}");
        });
    }
}

/// Adds `bytes` to what is pending, and gives away each line that is complete or as long as a line may be.
fn split(pending: &mut Vec<u8>, bytes: &[u8], mut line: impl FnMut(&str)) {
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        let mut rest = piece;
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(LOG_LINE_BYTES - pending.len()));
            pending.extend_from_slice(part);
            rest = after;
            if pending.ends_with(b"\n") || pending.len() == LOG_LINE_BYTES {
                let text = String::from_utf8_lossy(pending);
                let text = text.trim_end_matches(['\n', '\r']);
                if !text.is_empty() {
                    // A guest's control characters must not reach the operator's terminal.
                    line(&text.replace(|sign: char| sign.is_control() && sign != '\t', "\u{fffd}"));
                }
                pending.clear();
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.log(b"\n");
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {}
}

impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(OUTPUT_BYTES)
    }
}

impl AsyncWrite for GuestOutput {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.log(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::split;
    use crate::limits::LOG_LINE_BYTES;

    #[test]
    fn output_is_cut_into_lines() {
        let mut pending = Vec::new();
        let mut lines = Vec::new();
        for bytes in [&b"a"[..], b"b\nc\r\n\nd", b"\x1b[2J\te", b"\n\xff\n"] {
            split(&mut pending, bytes, |line| lines.push(line.to_owned()));
        }
        assert_eq!(lines, ["ab", "c", "d\u{fffd}[2J\te", "\u{fffd}"]);
    }

    #[test]
    fn a_line_without_an_end_is_cut() {
        let mut pending = b"start".to_vec();
        let mut lengths = Vec::new();
        split(&mut pending, &[b'x'; 2 * LOG_LINE_BYTES], |line| {
            lengths.push(line.len())
        });
        assert_eq!((lengths, pending.len()), (vec![LOG_LINE_BYTES; 2], 5));
    }
}
