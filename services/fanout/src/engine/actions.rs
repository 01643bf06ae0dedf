//! What the hub asks of the shell, done.

use tidegate_hub::{Action, Reader, SubRef};
use tidegate_protocol::CloseCode;
use tidegate_protocol::frames::{self, ErrorCode, Notice};
use tidegate_protocol::sse::{self, EventName};
use tidegate_protocol::upgrade::{Refusal, Refused};
use tidegate_stream::RoomId;

use super::conn::Kind;
use super::core::Core;
use super::desk::{Done, Task};
use crate::chance;
use crate::link::{Asking, State};
use crate::node::ToTail;

/// When whoever is answered 503 may come back, 1 to 4 s: not all at the same time.
pub(super) fn retry_s() -> u32 {
    1 + (chance::number() % 4) as u32
}

impl Core {
    /// Does what the hub asks until there is nothing left, and lets go of connections that have ended.
    pub(super) fn settle(&mut self) {
        loop {
            while let Some(action) = self.hub.next_action() {
                self.act(action);
            }
            let Some(key) = self.conns.gone.pop() else {
                return;
            };
            self.remove(key);
        }
    }

    pub(super) fn remove(&mut self, key: u32) {
        if let Some(conn) = self.conns.remove(key) {
            self.node.give_place();
            for &sub in conn.subs.as_slice() {
                self.hub.leave(sub);
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::OpenShard(shard) => {
                // The tail ends after the cores.
                let _ = self.tail.send(ToTail::Open(self.index, shard));
            }
            Action::Join {
                sub,
                viewer,
                room,
                who,
                tally,
            } => {
                if room == RoomId::all() {
                    self.welcome(viewer, sub);
                } else {
                    let asking = Asking { room, who, tally };
                    if !self.desk.join(sub, asking) {
                        self.metrics().lookups_refused.add(1);
                        self.hub.end(sub, ErrorCode::TryAgain);
                    }
                }
            }
            Action::Read {
                reader,
                room,
                after,
            } => {
                let task = Task::Read {
                    reader,
                    room,
                    after,
                };
                match reader {
                    Reader::Viewer(sub) => self.ask_for_viewer(sub, task),
                    Reader::Room(_) => self.desk.ask(task),
                }
            }
            Action::CheckBan { room, user } => {
                let users = vec![user];
                self.desk.ask(Task::Bans { room, users });
            }
            Action::CheckBans { room, users } => self.desk.ask(Task::Bans { room, users }),
            Action::CheckState { room } => self.desk.ask(Task::State { room }),
            Action::Ended {
                viewer,
                sub,
                room,
                code,
            } => self.ended(viewer, sub, &room, code),
            Action::Close { viewer, code } => self.close(viewer, code),
        }
    }

    /// Asks something that only one viewer waits for; with too many of them, it is told to try again.
    fn ask_for_viewer(&mut self, sub: SubRef, task: Task) {
        if self.desk.is_full() {
            self.metrics().lookups_refused.add(1);
            self.hub.end(sub, ErrorCode::TryAgain);
        } else {
            self.desk.ask(task);
        }
    }

    pub(super) fn take_result(&mut self, done: Done) {
        self.desk.done();
        let times = self.times();
        match done {
            Done::Joined(joins) => {
                for (sub, verdict) in joins {
                    match verdict {
                        Ok(found) => {
                            if let Some(room) = self.hub.room_of(sub).cloned() {
                                self.hub.budget(&room, found.chat_budget, false);
                            }
                            self.hub.admit(sub, found.tally, times, &mut self.conns);
                        }
                        Err(code) => self.hub.end(sub, code),
                    }
                }
            }
            Done::Refused(sub, code) => self.hub.end(sub, code),
            Done::Page(Reader::Viewer(sub), pages) => {
                self.hub.page(sub, pages, times, &mut self.conns);
            }
            Done::Page(Reader::Room(room), pages) => self.hub.room_page(room, pages, times),
            Done::Banned(room, users) => {
                for user in users {
                    self.hub.banned(&room, &user);
                }
            }
            Done::State(room, State::Closed) => self.hub.closed(&room, times.now_ms),
            Done::State(room, State::Open { chat_budget }) => {
                self.hub.budget(&room, chat_budget, true);
            }
            Done::Failed(task) => self.desk.again.push(task),
        }
        self.settle();
    }

    /// `!all` begins: the welcome says from where. Where a `subscribe` came with the hello, the welcome is kept back for its
    /// answer, which is due in a few milliseconds: a send costs as much as all that is decided for a newcomer.
    fn welcome(&mut self, key: u32, sub: SubRef) {
        if let Some(position) = self.hub.starts_at(sub) {
            let node = self.node.clone();
            let notice = Notice::Welcome {
                region: &node.region,
                node: &node.name,
                cursor: &position,
            };
            let asks = self.conns.get(key).is_some_and(|conn| conn.subs.len() > 1);
            if asks
                && let Some(frame) = self.framed(key, &notice)
                && let Some(reference) = self.conns.reference(key)
            {
                self.conns.hold(key, frame);
                self.waits.hold(reference, self.node.clock.now_ms());
            } else {
                self.say(key, &notice);
            }
        }
        let times = self.times();
        self.hub.admit(sub, None, times, &mut self.conns);
    }

    /// A subscription has ended: its viewer is told, and a stream of events ends with it.
    fn ended(&mut self, key: u32, sub: SubRef, room: &RoomId, code: ErrorCode) {
        let Some(conn) = self.conns.get(key) else {
            return;
        };
        conn.subs.remove(sub);
        match &conn.kind {
            Kind::Socket { .. } => self.say_error(key, code, Some(room)),
            Kind::Events { .. } => self.end_events(key, refusal(code), Some((code, room))),
            Kind::Request(_) | Kind::Ending => {}
        }
    }

    pub(super) fn say_error(&mut self, key: u32, code: ErrorCode, room: Option<&RoomId>) {
        self.say(key, &Notice::Error(code, room));
    }

    /// Says something to a socket in its sub-protocol. These are never compressed: they are small, and of one socket.
    pub(super) fn say(&mut self, key: u32, notice: &Notice<'_>) {
        if let Some(frame) = self.framed(key, notice) {
            self.conns.answer(key, frame);
        }
    }

    /// What that is for a socket; none for what is none.
    fn framed(&mut self, key: u32, notice: &Notice<'_>) -> Option<Vec<u8>> {
        let Kind::Socket { agreed, .. } = &self.conns.get(key)?.kind else {
            return None;
        };
        let mut frame = Vec::new();
        notice.frame(&mut frame, agreed.sub_protocol);
        Some(frame)
    }

    /// Ends a stream of events: with a problem if it has not begun, else with an error event if there is one.
    fn end_events(&mut self, key: u32, refusal: Refusal, error: Option<(ErrorCode, &RoomId)>) {
        let Some(conn) = self.conns.get(key) else {
            return;
        };
        let Kind::Events { request, started } = &conn.kind else {
            return;
        };
        let mut last = Vec::new();
        if !started {
            request.refuse(refusal).write(&mut last);
            self.metrics().refused.add(1);
        } else if let Some((code, room)) = error {
            sse::event(&mut last, None, EventName::Error, |out| {
                frames::error(out, code, Some(room))
            });
        }
        self.end(key, last);
    }

    /// Writes the last bytes of a connection.
    pub(super) fn end(&mut self, key: u32, last: Vec<u8>) {
        if self.conns.end(key, last) {
            self.linger(key);
        }
    }

    /// Closes a connection of any kind.
    pub(super) fn close(&mut self, key: u32, code: CloseCode) {
        let Some(conn) = self.conns.get(key) else {
            return;
        };
        match &conn.kind {
            Kind::Socket { .. } => {
                if self.conns.close(key, code) {
                    self.linger(key);
                }
            }
            Kind::Events { .. } => {
                let refusal = match code {
                    CloseCode::BadCursor => Refusal::BadCursor,
                    CloseCode::Disconnected => Refusal::Banned,
                    _ => Refusal::Unavailable { retry_s: retry_s() },
                };
                self.end_events(key, refusal, None);
            }
            // Whoever has begun to ask is answered; whoever has not asked for anything yet has nothing to be answered.
            Kind::Request(Some(_)) => {
                let refusal = Refusal::Unavailable { retry_s: retry_s() };
                self.refuse(key, &Refused::from(refusal));
            }
            Kind::Request(None) => self.end(key, Vec::new()),
            Kind::Ending => {}
        }
    }

    /// The subscriptions of a connection that is ending end now; the connection itself when its other end closes, or
    /// soon.
    fn linger(&mut self, key: u32) {
        if let Some(conn) = self.conns.get(key) {
            for &sub in std::mem::take(&mut conn.subs).as_slice() {
                self.hub.leave(sub);
            }
        }
        let now_ms = self.node.clock.now_ms();
        if let Some(reference) = self.conns.reference(key) {
            self.waits.end(reference, now_ms);
        }
    }
}

/// What an error of a subscription is over HTTP.
fn refusal(code: ErrorCode) -> Refusal {
    match code {
        ErrorCode::BadTicket | ErrorCode::TicketExpired | ErrorCode::WrongRoom => {
            Refusal::BadTicket
        }
        ErrorCode::Banned | ErrorCode::Kicked => Refusal::Banned,
        ErrorCode::NoRoom => Refusal::NoRoom,
        ErrorCode::RoomClosed => Refusal::RoomClosed,
        ErrorCode::NotSubscribed | ErrorCode::TooManyRooms | ErrorCode::TryAgain => {
            Refusal::Unavailable { retry_s: retry_s() }
        }
    }
}
