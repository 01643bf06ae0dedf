//! A viewer: a WebSocket client by an independent library.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::WebSocket;
use tungstenite::{Error, Message};

use crate::wait::SOON;

/// Why there are no more frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The node closed with this code and reason.
    Closed(u16, String),
    /// The connection broke.
    Lost,
}

/// One open socket, greeted.
pub struct Viewer {
    socket: WebSocket<TcpStream>,
    /// What `welcome` said.
    pub welcome: Value,
    /// The last cursor of each room.
    pub cursors: HashMap<String, String>,
}

/// Opens a socket without saying hello.
pub fn open(url: &str) -> Result<WebSocket<TcpStream>, Error> {
    let mut request = url.into_client_request()?;
    request.headers_mut().insert(
        "sec-websocket-protocol",
        "tidegate.v1.json".parse().expect("a header value"),
    );
    let host = request
        .uri()
        .authority()
        .expect("an address")
        .as_str()
        .to_owned();
    let stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SOON))?;
    let (socket, _) = tungstenite::client(request, stream).map_err(|error| match error {
        tungstenite::HandshakeError::Failure(error) => error,
        tungstenite::HandshakeError::Interrupted(_) => Error::ConnectionClosed,
    })?;
    Ok(socket)
}

/// The next frame, or `None` when there is none in time.
pub fn next(socket: &mut WebSocket<TcpStream>, most: Duration) -> Result<Option<Value>, End> {
    let end = Instant::now() + most;
    loop {
        let left = end
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1));
        socket
            .get_ref()
            .set_read_timeout(Some(left))
            .map_err(|_| End::Lost)?;
        match socket.read() {
            Ok(Message::Text(text)) => {
                return Ok(Some(serde_json::from_str(&text).expect("a frame is JSON")));
            }
            Ok(Message::Close(Some(frame))) => {
                return Err(End::Closed(frame.code.into(), frame.reason.to_string()));
            }
            Ok(Message::Close(None)) => return Err(End::Lost),
            Ok(_) => {}
            Err(Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                if Instant::now() >= end {
                    return Ok(None);
                }
            }
            Err(_) => return Err(End::Lost),
        }
    }
}

impl Viewer {
    /// Opens a socket and says hello.
    ///
    /// # Errors
    /// When the socket does not open or is closed before `welcome`.
    pub fn connect(url: &str) -> Result<Self, End> {
        let mut socket = open(url).map_err(|_| End::Lost)?;
        let hello = json!({"type":"hello","client":"e2e","version":"1"});
        socket
            .send(Message::text(hello.to_string()))
            .map_err(|_| End::Lost)?;
        let welcome = next(&mut socket, SOON)?.expect("a welcome");
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        Ok(Self {
            socket,
            welcome,
            cursors: HashMap::new(),
        })
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When the socket has ended.
    pub fn send(&mut self, frame: &Value) -> Result<(), End> {
        self.socket
            .send(Message::text(frame.to_string()))
            .map_err(|_| End::Lost)
    }

    /// Subscribes and gives the first frame for that room.
    ///
    /// # Errors
    /// When the socket ends first.
    pub fn subscribe(
        &mut self,
        room: &str,
        ticket: &str,
        cursor: Option<&str>,
    ) -> Result<Value, End> {
        let mut frame = json!({"type":"subscribe","room":room,"ticket":ticket});
        if let Some(cursor) = cursor {
            frame["cursor"] = cursor.into();
        }
        self.send(&frame)?;
        let end = Instant::now() + SOON;
        loop {
            let frame = self.frame()?;
            if frame["room"] == room {
                return Ok(frame);
            }
            assert!(Instant::now() < end, "no answer to a subscribe of {room}");
        }
    }

    /// The next frame; waits for it.
    ///
    /// # Errors
    /// When the socket ends first.
    pub fn frame(&mut self) -> Result<Value, End> {
        Ok(self.frame_within(SOON)?.expect("a frame in time"))
    }

    /// The next frame, or `None` when there is none in time. Remembers its cursor.
    ///
    /// # Errors
    /// When the socket ends first.
    pub fn frame_within(&mut self, most: Duration) -> Result<Option<Value>, End> {
        let frame = next(&mut self.socket, most)?;
        if let Some(frame) = &frame
            && let (Some(room), Some(cursor)) = (frame["room"].as_str(), frame["cursor"].as_str())
        {
            self.cursors.insert(room.to_owned(), cursor.to_owned());
        }
        Ok(frame)
    }

    /// Reads until a room has brought this many messages, `first` counted in.
    pub fn messages(&mut self, room: &str, first: &Value, count: usize) -> Vec<Value> {
        let mut messages = taken(first);
        while messages.len() < count {
            let frame = self
                .frame()
                .unwrap_or_else(|end| panic!("{end:?} after {} of {count}", messages.len()));
            if frame["room"] == room {
                assert_eq!(frame["type"], "batch", "{frame}");
                messages.extend(taken(&frame));
            }
        }
        messages
    }

    /// Reads until the node ends the socket.
    pub fn end(&mut self) -> End {
        let end = Instant::now() + SOON;
        loop {
            assert!(Instant::now() < end, "the socket stays open");
            if let Err(end) = self.frame_within(SOON) {
                return end;
            }
        }
    }

    /// The stream below, for what no library sends.
    pub fn stream(&mut self) -> &mut TcpStream {
        self.socket.get_mut()
    }

    /// The last cursor of a room.
    pub fn cursor(&self, room: &str) -> &str {
        &self.cursors[room]
    }
}

/// The messages of a batch.
pub fn taken(frame: &Value) -> Vec<Value> {
    frame["messages"].as_array().cloned().unwrap_or_default()
}
