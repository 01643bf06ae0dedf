//! Plain HTTP, byte by byte.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{SOON, Wire, soon};

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
    let text = head(address, method, target, headers, body);
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

fn head(address: &str, method: &str, target: &str, headers: &[&str], body: &str) -> String {
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
    text
}

/// Asks over a connection that there is.
pub fn get_over(mut wire: impl Wire, target: &str) -> Answer {
    let text = head("node", "GET", target, &[], "");
    wire.write_all(text.as_bytes()).unwrap();
    answer(&mut wire)
}

fn send(address: &str, method: &str, target: &str, headers: &[&str], body: &str) -> Answer {
    answer(&mut request(address, method, target, headers, body))
}

/// All that comes until the end.
pub fn read_to_end(stream: &mut impl Read) -> String {
    let mut got = Vec::new();
    soon("the end of an answer", || {
        match stream.read_to_end(&mut got) {
            Ok(_) => Some(()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&got)),
        }
    });
    String::from_utf8(got).unwrap()
}

fn answer(stream: &mut impl Read) -> Answer {
    let text = read_to_end(stream);
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
    stream: Box<dyn Wire>,
    text: String,
    pub head: String,
}

impl Events {
    pub fn open(address: &str, target: &str, headers: &[&str]) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        Self::open_over(Box::new(stream), address, target, headers)
    }

    /// The same over a connection that there is.
    pub fn open_over(
        mut wire: Box<dyn Wire>,
        address: &str,
        target: &str,
        headers: &[&str],
    ) -> Self {
        let text = head(address, "GET", target, headers, "");
        wire.write_all(text.as_bytes()).unwrap();
        let mut events = Self {
            stream: wire,
            text: String::new(),
            head: String::new(),
        };
        events.head = events.until("\r\n\r\n");
        events
    }

    fn until(&mut self, end: &str) -> String {
        self.try_until(end)
            .unwrap_or_else(|| panic!("the stream ends after {:?}", self.text))
    }

    /// Up to an end; none: the stream has ended, or broken, before.
    fn try_until(&mut self, end: &str) -> Option<String> {
        soon("an event", || {
            if let Some((found, rest)) = self.text.split_once(end) {
                let found = found.to_owned();
                self.text = rest.to_owned();
                return Some(Some(found));
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Some(None),
                Ok(count) => self
                    .text
                    .push_str(std::str::from_utf8(&bytes[..count]).unwrap()),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return Some(None),
            }
            None
        })
    }

    /// The next event: its id, name and data.
    pub fn next(&mut self) -> (String, String, serde_json::Value) {
        self.try_next()
            .unwrap_or_else(|| panic!("the stream ends after {:?}", self.text))
    }

    /// The same; none: the stream has ended.
    pub fn try_next(&mut self) -> Option<(String, String, serde_json::Value)> {
        loop {
            let event = self.try_until("\n\n")?;
            let field = |name: &str| {
                event
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap_or_default()
                    .to_owned()
            };
            if !field("data: ").is_empty() {
                let data = serde_json::from_str(&field("data: ")).unwrap();
                return Some((field("id: "), field("event: "), data));
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
