//! What viewers say, and what comes of it.

use tidegate_auth::{Grant, TicketRefusal};
use tidegate_hub::{Encoding, SubRef, Subscribe, Who};
use tidegate_protocol::frames::{ClientFrame, ErrorCode, Notice};
use tidegate_protocol::upgrade::{Events, Refusal};
use tidegate_protocol::ws::Agreed;
use tidegate_protocol::{CloseCode, limits};
use tidegate_stream::{Cursor, RoomId};

use super::conn::Kind;
use super::core::Core;

impl Core {
    /// One message of a socket. An error closes it.
    pub(super) fn frame(&mut self, key: u32, frame: ClientFrame<'_>) -> Result<(), CloseCode> {
        let hello = matches!(frame, ClientFrame::Hello { .. });
        let Some(conn) = self.conns.get(key) else {
            return Ok(());
        };
        let Kind::Socket {
            greeted, agreed, ..
        } = &mut conn.kind
        else {
            return Ok(());
        };
        let agreed = *agreed;
        if *greeted == hello {
            return Err(CloseCode::HelloFirst);
        }
        *greeted = true;
        match frame {
            ClientFrame::Hello { cursor, .. } => self.begin_all(key, agreed, cursor),
            ClientFrame::Subscribe {
                room,
                ticket,
                cursor,
            } => self.subscribe(key, agreed, room, &ticket, cursor),
            ClientFrame::Unsubscribe { room } => match self.take_sub(key, &room) {
                Some(sub) => self.hub.leave(sub),
                None => self.say_error(key, ErrorCode::NotSubscribed, Some(&room)),
            },
            ClientFrame::Refresh { room, ticket } => self.refresh(key, &room, &ticket),
            ClientFrame::Ping => self.say(key, &Notice::Pong),
        }
        Ok(())
    }

    /// What every socket has, without a ticket.
    fn begin_all(&mut self, key: u32, agreed: Agreed, cursor: Option<Cursor>) {
        let who = Who {
            subject: None,
            token: None,
        };
        self.begin(key, RoomId::all(), who, agreed.into(), cursor, u64::MAX);
    }

    fn begin(
        &mut self,
        key: u32,
        room: RoomId,
        who: Who,
        encoding: Encoding,
        cursor: Option<Cursor>,
        expires_ms: u64,
    ) {
        let sub = self.hub.subscribe(Subscribe {
            viewer: key,
            shard: self.node.keys.shard(&room),
            // `welcome` answers for `!all`.
            answered: room != RoomId::all(),
            room,
            who,
            encoding,
            cursor,
            expires_ms,
        });
        if let Some(conn) = self.conns.get(key) {
            conn.subs.push(sub);
        }
    }

    fn subscribe(
        &mut self,
        key: u32,
        agreed: Agreed,
        room: RoomId,
        ticket: &str,
        cursor: Option<Cursor>,
    ) {
        let grant = match self.judge(&room, ticket) {
            Ok(grant) => grant,
            Err(code) => {
                // An answer that ends the subscription, if there was one.
                if let Some(sub) = self.take_sub(key, &room) {
                    self.hub.leave(sub);
                }
                return self.say_error(key, code, Some(&room));
            }
        };
        if let Some(sub) = self.take_sub(key, &room) {
            self.hub.leave(sub);
        }
        // The first is `!all`.
        let taken = self
            .conns
            .get(key)
            .map_or(0, |conn| conn.subs.len().saturating_sub(1));
        if taken >= limits::ROOMS {
            return self.say_error(key, ErrorCode::TooManyRooms, Some(&room));
        }
        let expires_ms = grant.expires_ms;
        self.begin(key, room, who(grant), agreed.into(), cursor, expires_ms);
    }

    fn refresh(&mut self, key: u32, room: &RoomId, ticket: &str) {
        let Some(sub) = self.take_sub(key, room) else {
            return self.say_error(key, ErrorCode::NotSubscribed, Some(room));
        };
        match self.judge(room, ticket) {
            Ok(grant) => {
                let expires_ms = grant.expires_ms;
                self.hub.refresh(sub, &who(grant), expires_ms);
                if let Some(conn) = self.conns.get(key) {
                    conn.subs.push(sub);
                }
            }
            Err(code) => {
                self.hub.leave(sub);
                self.say_error(key, code, Some(room));
            }
        }
    }

    /// Strikes a room off a connection.
    fn take_sub(&mut self, key: u32, room: &RoomId) -> Option<SubRef> {
        if *room == RoomId::all() {
            return None;
        }
        let hub = &self.hub;
        let conn = self.conns.get(key)?;
        let known = conn.subs.as_slice().iter();
        let sub = *known.clone().find(|sub| hub.room_of(**sub) == Some(room))?;
        conn.subs.remove(sub);
        Some(sub)
    }

    fn judge(&self, room: &RoomId, ticket: &str) -> Result<Grant, ErrorCode> {
        let now_ms = self.node.clock.redis_ms();
        let grant = self
            .node
            .tickets_now()
            .verify(ticket, room, now_ms)
            .map_err(|refusal| match refusal {
                TicketRefusal::Expired => ErrorCode::TicketExpired,
                TicketRefusal::WrongRoom => ErrorCode::WrongRoom,
                TicketRefusal::Malformed | TicketRefusal::UnknownKid | TicketRefusal::BadMac => {
                    ErrorCode::BadTicket
                }
            })?;
        // `~SUB` is that subject's alone, and `!all` needs no ticket.
        let own = room
            .owner()
            .is_none_or(|owner| owner == grant.subject.as_str());
        if own && *room != RoomId::all() {
            Ok(grant)
        } else {
            Err(ErrorCode::WrongRoom)
        }
    }

    /// A request for events: judged as a `subscribe` is, and answered when the hub has something to say.
    pub(super) fn begin_events(&mut self, key: u32, events: Events) {
        match self.judge(&events.room, &events.ticket) {
            Ok(grant) => {
                let (room, cursor) = (events.room.clone(), events.cursor.clone());
                let expires_ms = grant.expires_ms;
                self.set_kind(
                    key,
                    Kind::Events {
                        request: Box::new(events),
                        started: false,
                    },
                );
                self.begin(key, room, who(grant), Encoding::Sse, cursor, expires_ms);
            }
            Err(_) => {
                let refused = events.refuse(Refusal::BadTicket);
                self.refuse(key, &refused);
            }
        }
    }
}

fn who(grant: Grant) -> Who {
    Who {
        token: grant.token.map(|token| token.banned_as().into_boxed_str()),
        subject: Some(grant.subject),
    }
}
