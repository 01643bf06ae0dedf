//! Upstreams for tests: small HTTP servers that do what a real one does on a bad day.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a server does with a request.
#[derive(Debug, Clone)]
pub enum Does {
    /// Answers.
    Answer {
        /// The status.
        status: u16,
        /// Further header lines.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// Writes exactly these bytes and closes.
    Raw(Vec<u8>),
    /// Takes the request and says nothing.
    Hang,
    /// Closes without a word.
    Close,
    /// Begins an answer, then says nothing more.
    Stall,
}

impl Does {
    /// 200 with this body.
    pub fn ok(body: &str) -> Self {
        Self::status(200, body)
    }

    /// This status and body.
    pub fn status(status: u16, body: &str) -> Self {
        Self::Answer {
            status,
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            body: body.to_owned(),
        }
    }

    /// The same with a further header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method and target.
    pub line: String,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Seen {
    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

/// A server on a free port. It goes when it is dropped.
pub struct Upstream {
    /// `http://host:port`.
    pub url: String,
    does: Arc<Mutex<Does>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    calls: Arc<AtomicUsize>,
    gone: Arc<AtomicBool>,
}

impl Upstream {
    /// Starts one.
    pub fn start(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let upstream = Self {
            url: format!("http://{address}"),
            does: Arc::new(Mutex::new(does)),
            seen: Arc::default(),
            calls: Arc::default(),
            gone: Arc::default(),
        };
        let (does, seen) = (Arc::clone(&upstream.does), Arc::clone(&upstream.seen));
        let (calls, gone) = (Arc::clone(&upstream.calls), Arc::clone(&upstream.gone));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if gone.load(Ordering::Relaxed) {
                    break;
                }
                let (does, seen) = (Arc::clone(&does), Arc::clone(&seen));
                let (calls, gone) = (Arc::clone(&calls), Arc::clone(&gone));
                std::thread::spawn(move || serve(stream, &does, &seen, &calls, &gone));
            }
        });
        upstream
    }

    /// Lets it do something else from now on.
    pub fn set(&self, does: Does) {
        *self.does.lock().expect("no test panics with it") = does;
    }

    /// How many requests have come.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The last request.
    pub fn last(&self) -> Seen {
        let seen = self.seen.lock().expect("no test panics with it");
        seen.last().cloned().expect("a request has come")
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

fn serve(
    stream: TcpStream,
    does: &Mutex<Does>,
    seen: &Mutex<Vec<Seen>>,
    calls: &AtomicUsize,
    gone: &AtomicBool,
) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream) {
        let head = request.line.starts_with("HEAD ");
        seen.lock().expect("no test panics with it").push(request);
        calls.fetch_add(1, Ordering::SeqCst);
        let does = does.lock().expect("no test panics with it").clone();
        let out = stream.get_mut();
        match does {
            Does::Answer {
                status,
                headers,
                body,
            } => {
                let mut text = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    text.push_str(&format!("{name}: {value}\r\n"));
                }
                text.push_str("\r\n");
                if !head {
                    text.push_str(&body);
                }
                if out.write_all(text.as_bytes()).is_err() {
                    return;
                }
            }
            Does::Raw(bytes) => {
                let _ = out.write_all(&bytes);
                return;
            }
            Does::Close => return,
            Does::Hang => return hold(out, gone),
            Does::Stall => {
                let _ = out.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nbegun");
                return hold(out, gone);
            }
        }
    }
}

/// Keeps the connection open until the other side, or the test, is done with it.
fn hold(stream: &mut TcpStream, gone: &AtomicBool) {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
    let mut byte = [0];
    while !gone.load(Ordering::Relaxed) {
        match stream.read(&mut byte) {
            Ok(0) => return,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return,
            _ => {}
        }
    }
}

fn read(stream: &mut impl BufRead) -> Option<Seen> {
    let mut next = || {
        let mut line = String::new();
        stream
            .read_line(&mut line)
            .ok()
            .filter(|&length| length > 0)?;
        Some(line.trim_end().to_owned())
    };
    let line = next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = Vec::new();
    loop {
        let field = next()?;
        let Some((name, value)) = field.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Seen {
        line,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
