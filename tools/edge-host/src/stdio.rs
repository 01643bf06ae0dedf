//! A guest's stdout and stderr: line by line into the log, with the component's id.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use crate::limits::LOG_LINE_BYTES;

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
}

impl Line {
    fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(LOG_LINE_BYTES) {
                self.pending.extend_from_slice(part);
                if part.ends_with(b"\n") || self.pending.len() >= LOG_LINE_BYTES {
                    self.flush();
                }
            }
        }
    }

    fn flush(&mut self) {
        let text = String::from_utf8_lossy(&self.pending);
        let text = text.trim_end_matches(['\n', '\r']);
        if !text.is_empty() {
            // A guest's control characters must not reach the operator's terminal.
            let text: String = text
                .chars()
                .map(|sign| {
                    if sign.is_control() && sign != '\t' {
                        '\u{fffd}'
                    } else {
                        sign
                    }
                })
                .collect();
            tracing::info!(target: "guest", component = self.component, stream = self.stream, "{text}");
        }
        self.pending.clear();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.flush();
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
}

impl AsyncWrite for GuestOutput {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
