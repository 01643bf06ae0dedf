//! An HTTP server that does what a test tells it to, lies included.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The request line.
    pub line: String,
    /// The header lines, in lower case, sorted.
    pub headers: Vec<String>,
    pub body: Vec<u8>,
    /// Which connection it came over, from 0.
    pub connection: usize,
}

impl Heard {
    pub fn has(&self, header: &str) -> bool {
        self.headers.iter().any(|line| line == header)
    }
}

/// What is done with a request.
pub enum Act {
    /// These bytes, and on to the next request.
    Say(Vec<u8>),
    /// These bytes, and the connection is closed.
    SayAndClose(Vec<u8>),
    /// These bytes, and then nothing for as long as the client stays.
    SayAndHang(Vec<u8>),
}

/// A whole answer.
pub fn ok(body: &str) -> Act {
    Act::Say(
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into(),
    )
}

/// A running server; its threads end with their connections.
pub struct Upstream {
    pub url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Upstream {
    pub fn start(act: impl Fn(&Heard) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (act, all) = (Arc::new(act), heard.clone());
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (act, all) = (act.clone(), all.clone());
                thread::spawn(move || serve(stream.unwrap(), connection, &*act, &all));
            }
        });
        Self { url, heard }
    }

    /// All requests so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    connection: usize,
    act: &dyn Fn(&Heard) -> Act,
    all: &Mutex<Vec<Heard>>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut reader, connection) {
        all.lock().unwrap().push(request.clone());
        let act = act(&request);
        let (Act::Say(bytes) | Act::SayAndClose(bytes) | Act::SayAndHang(bytes)) = &act;
        if stream.write_all(bytes).is_err() {
            return;
        }
        match act {
            Act::Say(_) => {}
            Act::SayAndClose(_) => return,
            Act::SayAndHang(_) => {
                stream
                    .set_read_timeout(Some(Duration::from_secs(60)))
                    .unwrap();
                let _ = reader.read(&mut [0]);
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>, connection: usize) -> Option<Heard> {
    let line = line(reader)?;
    let mut headers = Vec::new();
    loop {
        match self::line(reader)? {
            end if end.is_empty() => break,
            header => headers.push(header.to_ascii_lowercase()),
        }
    }
    headers.sort();
    let mut body = Vec::new();
    if headers.iter().any(|h| h == "transfer-encoding: chunked") {
        loop {
            let length = usize::from_str_radix(&self::line(reader)?, 16).unwrap();
            let from = body.len();
            body.resize(from + length, 0);
            reader.read_exact(&mut body[from..]).ok()?;
            self::line(reader)?;
            if length == 0 {
                break;
            }
        }
    } else if let Some(length) = headers
        .iter()
        .find_map(|h| h.strip_prefix("content-length: "))
    {
        body.resize(length.parse().unwrap(), 0);
        reader.read_exact(&mut body).ok()?;
    }
    Some(Heard {
        line,
        headers,
        body,
        connection,
    })
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = reader.read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}
