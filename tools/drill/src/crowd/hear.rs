//! What comes on a viewer's socket.

use std::net::SocketAddr;
use std::time::Duration;

use super::account::Account;
use super::frame::{self, Said};
use super::link::{Link, Stage};
use super::mark;
use super::script::Manner;
use super::stage::{Crowd, What};
use super::viewer::{Loss, State, Viewer, moved_to};
use crate::publisher::now_us;
use crate::script::progress;

/// After `try_again`.
const TRY_AGAIN: Duration = Duration::from_secs(1);

impl Crowd {
    /// Something may have come on a viewer's socket, or it may be written to.
    pub fn ready(&mut self, index: usize) {
        let Some(viewer) = self.viewers.get_mut(index) else {
            return;
        };
        let paused = viewer.paused;
        let Some(mut link) = viewer.link.take() else {
            return;
        };
        let mut scratch = std::mem::take(&mut self.scratch);
        let ended = self.serve(index, &mut link, &mut scratch, paused);
        self.scratch = scratch;
        match ended {
            None => self.viewers[index].link = Some(link),
            Some(loss) => self.lost(index, loss),
        }
    }

    fn serve(
        &mut self,
        index: usize,
        link: &mut Link,
        scratch: &mut [u8],
        paused: bool,
    ) -> Option<Loss> {
        if link.stage == Stage::Connecting {
            match link.is_connected() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(_) => return Some(Loss::Broken),
            }
            link.stage = Stage::Upgrading;
            let node = self.nodes[self.viewers[index].node];
            if link.send(&upgrade(node)).is_err() {
                return Some(Loss::Broken);
            }
        }
        if link.flush().is_err() {
            return Some(Loss::Broken);
        }
        let mut paused = paused;
        while !paused {
            let received = link.receive(scratch);
            let mut at = 0;
            while at < received.bytes {
                match self.take(index, link, &scratch[at..received.bytes]) {
                    Ok(0) => break,
                    Ok(taken) => at += taken,
                    Err(loss) => return Some(loss),
                }
            }
            link.keep(&scratch[at..received.bytes]);
            if received.ended {
                return Some(Loss::Broken);
            }
            paused = !received.more || self.viewers[index].paused;
        }
        None
    }

    /// Takes one thing of what has come, and gives how long it was; 0 when it is not all there.
    fn take(&mut self, index: usize, link: &mut Link, bytes: &[u8]) -> Result<usize, Loss> {
        if link.stage == Stage::Upgrading {
            return self.upgraded(index, link, bytes);
        }
        let Some(wire) = frame::first(bytes).map_err(|_| Loss::Astray)? else {
            return Ok(0);
        };
        let payload = &bytes[wire.head..wire.whole];
        match (wire.opcode, payload) {
            (1, text) => self.hear(index, text)?,
            (8, [a, b, ..]) => return Err(Loss::Closed(u16::from_be_bytes([*a, *b]))),
            (8, _) => return Err(Loss::Broken),
            (9, payload) => link.say(10, payload).map_err(|_| Loss::Broken)?,
            _ => {}
        }
        Ok(wire.whole)
    }

    fn upgraded(&mut self, index: usize, link: &mut Link, bytes: &[u8]) -> Result<usize, Loss> {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
            return Ok(0);
        };
        let head = String::from_utf8_lossy(&bytes[..end]);
        match head.get(9..12) {
            Some("101") => {}
            Some("503") => return Err(Loss::SentBack(retry_after_s(&head))),
            _ => return Err(Loss::Astray),
        }
        self.sockets.opened += 1;
        link.stage = Stage::Open;
        link.say(1, HELLO).map_err(|_| Loss::Broken)?;
        let viewer = &self.viewers[index];
        let (room, ticket) = (&self.rooms[viewer.room], &self.tickets[viewer.room]);
        link.say(1, subscribe(room, ticket, viewer).as_bytes())
            .map_err(|_| Loss::Broken)?;
        Ok(end + 4)
    }

    /// A text frame.
    fn hear(&mut self, index: usize, text: &[u8]) -> Result<(), Loss> {
        match frame::read(text) {
            Said::Batch {
                cursor,
                left_out,
                likes,
            } => {
                self.begin(index);
                let reads = self.reads(index);
                let viewer = &mut self.viewers[index];
                let now_us = now_us();
                let broken = mark::each(text, |mark| {
                    viewer.account.take(&mark);
                    if reads {
                        self.latency.add(now_us.saturating_sub(mark.sent_us));
                    }
                });
                self.sockets.refusals += broken;
                if left_out != Some(0) {
                    viewer.account.leave_out(left_out);
                }
                viewer.likes = likes.unwrap_or(viewer.likes);
                viewer.cursor.clear();
                viewer.cursor.push_str(cursor);
            }
            Said::Reset { cursor } => {
                self.begin(index);
                let viewer = &mut self.viewers[index];
                viewer.account.reset(self.board.published(viewer.room));
                cursor.clone_into(&mut viewer.cursor);
            }
            Said::Move(json) => {
                let url = moved_to(json).unwrap_or_default();
                let host = url.trim_start_matches("ws://");
                let node = self.nodes.iter().position(|one| one.to_string() == host);
                return Err(Loss::Moved(node));
            }
            Said::TryAgain => self.at(TRY_AGAIN.as_millis() as u64, index, What::Subscribe),
            Said::Refused(json) => {
                progress(format!("viewer {index}: {}", String::from_utf8_lossy(json)));
                return Err(Loss::Astray);
            }
            Said::Other => {}
        }
        Ok(())
    }

    /// Whether a viewer's times are counted: one who stops now and then is late by its own fault.
    fn reads(&self, index: usize) -> bool {
        let viewer = &self.viewers[index];
        viewer.manner == Manner::Reads && self.measured.is_none_or(|group| viewer.group == group)
    }

    /// A frame of its room: if it is the first on this socket, the viewer is subscribed now.
    fn begin(&mut self, index: usize) {
        let viewer = &mut self.viewers[index];
        if viewer.state == State::Subscribed {
            return;
        }
        viewer.arrived();
        self.subscribed[viewer.node] += 1;
        if std::mem::take(&mut viewer.opening) {
            self.opening -= 1;
        }
        match std::mem::replace(&mut viewer.begun, true) {
            true => self.sockets.resumed += 1,
            false => {
                viewer.account = Account::new(self.board.published(viewer.room));
                self.unbegun -= 1;
            }
        }
        if let Some(since) = viewer.away.take() {
            self.returned.add(since.elapsed().as_micros() as u64);
            self.awaited -= 1;
        }
        viewer.paused = viewer.manner == Manner::Never;
    }
}

const HELLO: &[u8] = br#"{"type":"hello","client":"drill","version":"1"}"#;

fn upgrade(node: SocketAddr) -> Vec<u8> {
    format!(
        "GET /v1/connect HTTP/1.1\r\nHost: {node}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: tidegate.v1.json\r\n\r\n"
    )
    .into_bytes()
}

pub(super) fn subscribe(room: &str, ticket: &str, viewer: &Viewer) -> String {
    let cursor = match viewer.begun {
        true => format!(r#","cursor":"{}""#, viewer.cursor),
        false => String::new(),
    };
    format!(r#"{{"type":"subscribe","room":"{room}","ticket":"{ticket}"{cursor}}}"#)
}

fn retry_after_s(head: &str) -> u64 {
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("retry-after").then_some(value)
    });
    value
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_whatever_its_case() {
        let head = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 3\r\ncontent-length: 0";
        assert_eq!(retry_after_s(head), 3);
        assert_eq!(retry_after_s("HTTP/1.1 503 x\r\n"), 1);
    }
}
