//! Codes of `error` frames.

use serde::{Deserialize, Serialize};

/// Why a subscription ends, or was not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The ticket is malformed, or its MAC does not hold.
    BadTicket,
    /// The ticket has lapsed.
    TicketExpired,
    /// The ticket is for another room.
    WrongRoom,
    /// The subject is banned, or its token was revoked.
    Banned,
    /// The subject was put out of the room.
    Kicked,
    /// There is no such room.
    NoRoom,
    /// The room was closed for good.
    RoomClosed,
    /// `refresh` or `unsubscribe` for a room that the socket does not have.
    NotSubscribed,
    /// More than [`ROOMS`](crate::limits::ROOMS).
    TooManyRooms,
    /// The node cannot serve it now.
    TryAgain,
}

impl ErrorCode {
    /// All of them, as the documentation lists them.
    pub const ALL: [Self; 10] = [
        Self::BadTicket,
        Self::TicketExpired,
        Self::WrongRoom,
        Self::Banned,
        Self::Kicked,
        Self::NoRoom,
        Self::RoomClosed,
        Self::NotSubscribed,
        Self::TooManyRooms,
        Self::TryAgain,
    ];

    /// The code in the frame.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadTicket => "bad_ticket",
            Self::TicketExpired => "ticket_expired",
            Self::WrongRoom => "wrong_room",
            Self::Banned => "banned",
            Self::Kicked => "kicked",
            Self::NoRoom => "no_room",
            Self::RoomClosed => "room_closed",
            Self::NotSubscribed => "not_subscribed",
            Self::TooManyRooms => "too_many_rooms",
            Self::TryAgain => "try_again",
        }
    }

    /// A sentence for whoever reads the frame: what it means and what helps.
    pub const fn message(self) -> &'static str {
        match self {
            Self::BadTicket => "the ticket is not valid: join the room again for a new one",
            Self::TicketExpired => "the ticket has expired: join the room again for a new one",
            Self::WrongRoom => "the ticket is for another room",
            Self::Banned => "you are banned from this room",
            Self::Kicked => "you were put out of this room",
            Self::NoRoom => "there is no such room",
            Self::RoomClosed => "the room was closed",
            Self::NotSubscribed => "this socket is not subscribed to the room",
            Self::TooManyRooms => "a socket has at most 32 rooms: unsubscribe from one first",
            Self::TryAgain => {
                "not possible right now: subscribe again with the same cursor after a second"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_lists_these_codes() {
        let doc = include_str!("../../../../docs/protocol.md");
        let (_, list) = doc.split_once("`error` codes with a room:").unwrap();
        let list = list.split("\n\n").next().unwrap();
        let documented: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        let ours: Vec<&str> = ErrorCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(documented, ours);
    }

    #[test]
    fn names_are_those_of_serde() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
