//! A viewer, by an independent WebSocket library.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::SockRef;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::WebSocket;
use tungstenite::{Error, Message};

use super::{Node, SOON, ticket};

/// How a socket ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Closed(u16),
    Lost,
}

/// What a socket speaks over: TCP, or TLS over it.
pub trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

pub struct Viewer {
    pub socket: WebSocket<Box<dyn Wire>>,
    pub welcome: Value,
}

impl Viewer {
    /// Opens a socket and says nothing.
    pub fn open(node: &Node) -> Self {
        Self::open_over(node, Box::new(dial(node)))
    }

    /// The same over a connection that there is.
    pub fn open_over(node: &Node, wire: Box<dyn Wire>) -> Self {
        Self::open_at(&node.url(), wire)
    }

    /// The same at another URL.
    pub fn open_at(url: &str, wire: Box<dyn Wire>) -> Self {
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert(
            "sec-websocket-protocol",
            "tidegate.v1.json".parse().unwrap(),
        );
        let deadline = Instant::now() + SOON;
        let mut shaken = tungstenite::client(request, wire);
        let socket = loop {
            shaken = match shaken {
                Ok((socket, _)) => break socket,
                Err(tungstenite::HandshakeError::Interrupted(more)) => {
                    assert!(Instant::now() < deadline, "no answer to the upgrade");
                    more.handshake()
                }
                Err(error) => panic!("{error}"),
            }
        };
        Self::over(socket)
    }

    /// On a socket that there is.
    pub fn over(socket: WebSocket<Box<dyn Wire>>) -> Self {
        Self {
            socket,
            welcome: Value::Null,
        }
    }

    /// Opens a socket and says hello.
    pub fn connect(node: &Node) -> Self {
        Self::resume(node, None)
    }

    pub fn resume(node: &Node, cursor: Option<&str>) -> Self {
        let mut viewer = Self::open(node);
        viewer.greet(cursor);
        viewer
    }

    /// Says hello.
    pub fn greet(&mut self, cursor: Option<&str>) {
        self.send(json!({"type": "hello", "client": "test", "version": "1", "cursor": cursor}));
        self.welcome = self.next().unwrap();
        assert_eq!(self.welcome["type"], "welcome");
    }

    pub fn send(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).unwrap();
    }

    /// The next frame.
    pub fn next(&mut self) -> Result<Value, End> {
        self.within(SOON)
            .map(|frame| frame.expect("a frame in time"))
    }

    /// The next frame, if one comes in time.
    pub fn within(&mut self, wait: Duration) -> Result<Option<Value>, End> {
        let deadline = Instant::now() + wait;
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Ok(Some(serde_json::from_str(&text).unwrap())),
                Ok(Message::Close(frame)) => {
                    return Err(End::Closed(frame.map_or(1005, |frame| frame.code.into())));
                }
                Ok(_) => {}
                Err(Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    if Instant::now() >= deadline {
                        return Ok(None);
                    }
                }
                Err(_) => return Err(End::Lost),
            }
        }
    }

    /// The next frame of this type, the others passed over.
    pub fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self
                .next()
                .unwrap_or_else(|end| panic!("{end:?} before a {kind}"));
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    pub fn subscribe(&mut self, room: &str, sub: &str, cursor: Option<&str>) -> Value {
        self.ask(room, &ticket(room, sub), cursor);
        self.next().unwrap()
    }

    pub fn ask(&mut self, room: &str, ticket: &str, cursor: Option<&str>) {
        self.send(json!({"type": "subscribe", "room": room, "ticket": ticket, "cursor": cursor}));
    }

    /// Reads batches until so many messages have come: their ids, and the last cursor.
    pub fn messages(&mut self, count: usize) -> (Vec<String>, String) {
        let mut ids = Vec::new();
        let mut cursor = String::new();
        while ids.len() < count {
            let frame = self.next_of("batch");
            ids.extend(batch_ids(&frame));
            cursor = frame["cursor"].as_str().unwrap().to_owned();
        }
        (ids, cursor)
    }

    /// The code with which the socket is closed.
    pub fn end(&mut self) -> End {
        loop {
            match self.next() {
                Ok(_) => {}
                Err(end) => return end,
            }
        }
    }
}

/// What a viewer who does not read swallows, bytes: else it grows to megabytes before the node notices.
const RECEIVE_BYTES: usize = 32 * 1024;

/// A connection whose reads end soon when there is nothing.
pub fn dial(node: &Node) -> TcpStream {
    dial_at(&node.viewers)
}

pub fn dial_at(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    SockRef::from(&stream)
        .set_recv_buffer_size(RECEIVE_BYTES)
        .unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// The ids of a batch's messages.
pub fn batch_ids(frame: &Value) -> Vec<String> {
    frame["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["id"].as_str().unwrap().to_owned())
        .collect()
}
