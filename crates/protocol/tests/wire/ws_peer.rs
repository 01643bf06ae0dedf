//! The codec against another implementation of RFC 6455: tungstenite as the client.

use std::io::{self, Read, Write};

use crate::support::{Seen, read};
use proptest::prelude::*;
use tidegate_protocol::ws;
use tidegate_protocol::{CloseCode, limits, upgrade};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::{
    CloseFrame, Message, Role, WebSocket, frame::coding::CloseCode as Code,
};

/// A wire in memory: what the client wrote, and what it is to read.
#[derive(Debug, Default)]
struct Wire {
    written: Vec<u8>,
    to_read: io::Cursor<Vec<u8>>,
    /// Whether the upgrade is answered from what was written.
    upgrades: bool,
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.upgrades) {
            match upgrade::parse(&self.written, &upgrade::Origins::default()) {
                Ok(upgrade::Parsed::Request(upgrade::Request::Connect(connect), head)) => {
                    assert_eq!(head, self.written.len());
                    connect.answer(self.to_read.get_mut());
                }
                other => panic!("{other:?}"),
            }
        }
        match self.to_read.read(into)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn client(to_read: Vec<u8>) -> WebSocket<Wire> {
    let wire = Wire {
        to_read: io::Cursor::new(to_read),
        ..Wire::default()
    };
    WebSocket::from_raw_socket(wire, Role::Client, None)
}

#[test]
fn the_upgrade_is_agreed_on() {
    let mut request = "ws://live.example/v1/connect"
        .into_client_request()
        .unwrap();
    request.headers_mut().insert(
        "Sec-WebSocket-Protocol",
        "chat, tidegate.v1.json".parse().unwrap(),
    );
    let wire = Wire {
        upgrades: true,
        ..Wire::default()
    };
    let (mut socket, response) = tungstenite::client(request, wire).unwrap();
    assert_eq!(
        response.headers()["sec-websocket-protocol"],
        "tidegate.v1.json"
    );
    socket.get_mut().written.clear();
    socket.send(Message::text("{}")).unwrap();
    assert_eq!(read(&socket.get_ref().written), [Seen::Text("{}".into())]);
}

#[test]
fn our_close_frames_are_understood() {
    for code in CloseCode::ALL {
        let mut sent = Vec::new();
        ws::close_frame(&mut sent, code);
        match client(sent).read().unwrap() {
            Message::Close(Some(CloseFrame { code: got, reason })) => {
                assert_eq!(
                    (u16::from(got), reason.as_str()),
                    (code.code(), code.reason())
                );
            }
            other => panic!("{code}: {other:?}"),
        }
    }
    let mut sent = Vec::new();
    ws::close_answer(&mut sent, None);
    assert_eq!(client(sent).read().unwrap(), Message::Close(None));
}

#[test]
fn its_close_frames_are_understood() {
    let mut socket = client(vec![]);
    let frame = CloseFrame {
        code: Code::Away,
        reason: "bye".into(),
    };
    socket.close(Some(frame)).unwrap();
    assert_eq!(read(&socket.get_ref().written), [Seen::Close(Some(1001))]);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ".{0,300}",
        1 => (65_000..66_000_usize).prop_map(|n| "x".repeat(n)),
    ]
}

proptest! {
    #[test]
    fn what_it_sends_we_read(texts in prop::collection::vec(".{0,300}", 1..5), ping in prop::collection::vec(any::<u8>(), 0..=125)) {
        let mut socket = client(vec![]);
        for text in &texts {
            socket.send(Message::text(text.as_str())).unwrap();
        }
        socket.send(Message::Ping(ping.clone().into())).unwrap();
        let mut expected: Vec<Seen> = texts.into_iter().map(Seen::Text).collect();
        expected.push(Seen::Ping(ping));
        prop_assert_eq!(read(&socket.get_ref().written), expected);
    }

    #[test]
    fn what_we_send_it_reads(texts in prop::collection::vec(text(), 1..4), pong in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut sent = Vec::new();
        for text in &texts {
            ws::text_frame(&mut sent, |out| out.extend_from_slice(text.as_bytes()));
        }
        ws::pong_frame(&mut sent, &pong);
        let mut socket = client(sent);
        for text in &texts {
            prop_assert_eq!(socket.read().unwrap(), Message::text(text.as_str()));
        }
        let pong = &pong[..pong.len().min(limits::CONTROL_BYTES)];
        prop_assert_eq!(socket.read().unwrap(), Message::Pong(pong.to_vec().into()));
    }
}
