//! A reader of server-sent events.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::wait::SOON;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The cursor after it.
    pub id: String,
    /// The frame's type.
    pub event: String,
    /// The frame.
    pub data: String,
}

/// An open stream of events.
pub struct Events {
    reader: BufReader<TcpStream>,
    /// The status code of the answer.
    pub status: u16,
}

impl Events {
    /// Asks a node (`ws://host:port/…`) for a room's events.
    pub fn open(node: &str, path: &str, headers: &[(&str, &str)]) -> Self {
        let host = node
            .trim_start_matches("ws://")
            .split('/')
            .next()
            .expect("an address");
        let mut stream = TcpStream::connect(host).expect("the node listens");
        stream.set_read_timeout(Some(SOON)).expect("a time-out");
        let mut request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        stream
            .write_all(request.as_bytes())
            .expect("the request is sent");
        let mut reader = BufReader::new(stream);
        let first = line(&mut reader);
        let status = first
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or_else(|| panic!("{first}"));
        while !line(&mut reader).is_empty() {}
        Self { reader, status }
    }

    /// The next event; waits for it.
    pub fn event(&mut self) -> Event {
        let mut event = Event {
            id: String::new(),
            event: String::new(),
            data: String::new(),
        };
        loop {
            let line = line(&mut self.reader);
            match line.split_once(": ") {
                Some(("id", id)) => event.id = id.to_owned(),
                Some(("event", name)) => event.event = name.to_owned(),
                Some(("data", data)) => event.data.push_str(data),
                _ if line.is_empty() && !event.data.is_empty() => return event,
                _ => {}
            }
        }
    }
}

fn line(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    let read = reader.read_line(&mut line).expect("a line in time");
    assert!(read > 0, "the stream ended");
    line.trim_end_matches(['\r', '\n']).to_owned()
}
