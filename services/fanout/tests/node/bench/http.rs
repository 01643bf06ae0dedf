//! Plain HTTP, byte by byte.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{SOON, soon};

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

pub fn get(address: &str, target: &str, headers: &[&str]) -> Answer {
    send(address, "GET", target, headers, "")
}

pub fn post(address: &str, target: &str, headers: &[&str], body: &str) -> Answer {
    send(address, "POST", target, headers, body)
}

fn request(address: &str, method: &str, target: &str, headers: &[&str], body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut text =
        format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    if method == "POST" {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

fn send(address: &str, method: &str, target: &str, headers: &[&str], body: &str) -> Answer {
    let mut stream = request(address, method, target, headers, body);
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no head in {text:?}"));
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// A stream of server-sent events.
pub struct Events {
    stream: TcpStream,
    text: String,
    pub head: String,
}

impl Events {
    pub fn open(address: &str, target: &str, headers: &[&str]) -> Self {
        let stream = request(address, "GET", target, headers, "");
        stream
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let mut events = Self {
            stream,
            text: String::new(),
            head: String::new(),
        };
        events.head = events.until("\r\n\r\n");
        events
    }

    fn until(&mut self, end: &str) -> String {
        soon("an event", || {
            if let Some((found, rest)) = self.text.split_once(end) {
                let found = found.to_owned();
                self.text = rest.to_owned();
                return Some(found);
            }
            let mut bytes = [0; 4096];
            if let Ok(count) = self.stream.read(&mut bytes) {
                self.text
                    .push_str(std::str::from_utf8(&bytes[..count]).unwrap());
            }
            None
        })
    }

    /// The next event: its id, name and data.
    pub fn next(&mut self) -> (String, String, serde_json::Value) {
        loop {
            let event = self.until("\n\n");
            let field = |name: &str| {
                event
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap_or_default()
                    .to_owned()
            };
            if !field("data: ").is_empty() {
                let data = serde_json::from_str(&field("data: ")).unwrap();
                return (field("id: "), field("event: "), data);
            }
        }
    }

    /// Whether the node ends the stream.
    pub fn ends(&mut self) -> bool {
        soon("the stream ends", || {
            let mut bytes = [0; 4096];
            matches!(self.stream.read(&mut bytes), Ok(0)).then_some(true)
        })
    }
}
