//! What servers are spoken to in: how a viewer gets into a room, what keeps it there, and what a publisher says.

mod centrifuge;
mod plain;
mod socketio;
mod sockudo;
mod tidegate;

use std::borrow::Cow;

use anyhow::{Context, Result, ensure};
use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::control::Job;
use super::limits;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A fan-out node.
    Tidegate,
    /// `load floor`.
    Floor,
    /// A server with uWebSockets: whoever connects is in the room.
    Uwebsockets,
    /// A server with `ws`: the same.
    Ws,
    /// Nchan: the channel stands in the address.
    Nchan,
    /// Centrifuge or Centrifugo, channel `bench`.
    Centrifuge,
    /// Socket.IO over WebSocket: whoever connects is in the room.
    Socketio,
    /// Sockudo, or whatever speaks Pusher's protocol 7, channel `bench`.
    Sockudo,
}

/// What a text of the server means.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing that matters.
    Nothing,
    /// This is to be said next.
    Say(Cow<'static, str>),
    /// The viewer is in its room.
    Subscribed,
    /// The server will not have it.
    Refused,
}

/// How a kind of server is spoken to. It holds nothing of a viewer: what comes next follows from what is heard.
pub trait Dialect: Send {
    /// The sub-protocol to ask for.
    fn protocol(&self) -> Option<&'static str> {
        None
    }

    /// What a viewer says after the upgrade; none: it is in the room.
    fn greeting(&self, _viewer: u32, _room: usize) -> Vec<String> {
        Vec::new()
    }

    /// What a text without a mark means.
    fn hear(&self, _text: &[u8]) -> Heard {
        Heard::Nothing
    }

    /// What a viewer says now and then so that it is not taken for dead.
    fn alive(&self) -> Option<&'static str> {
        None
    }

    /// How a publisher that has a socket says a message.
    fn published(&self, text: &str) -> String {
        text.to_owned()
    }
}

impl Subject {
    /// Where sockets go when the address has no path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Tidegate => "/v1/connect",
            Self::Floor | Self::Uwebsockets | Self::Ws | Self::Nchan => "/",
            Self::Centrifuge => "/connection/websocket",
            Self::Socketio => socketio::PATH,
            Self::Sockudo => sockudo::PATH,
        }
    }

    /// The dialect of viewers.
    ///
    /// # Errors
    /// When the keys of tickets are not there or malformed.
    pub fn dialect(self, job: &Job) -> Result<Box<dyn Dialect>> {
        Ok(match self {
            Self::Tidegate => {
                let keys = job.ticket_keys.as_deref().context("no keys for tickets")?;
                Box::new(tidegate::Tidegate::new(keys, &job.prefix, job.spread)?)
            }
            _ => self.publisher(),
        })
    }

    /// The dialect of a publisher that has a socket.
    pub fn publisher(self) -> Box<dyn Dialect> {
        match self {
            Self::Tidegate | Self::Floor | Self::Uwebsockets | Self::Ws | Self::Nchan => {
                Box::new(plain::Plain)
            }
            Self::Centrifuge => Box::new(centrifuge::Centrifuge),
            Self::Socketio => Box::new(socketio::Socketio),
            Self::Sockudo => Box::new(sockudo::Sockudo),
        }
    }

    /// Checks what a run may ask of this kind of server.
    ///
    /// # Errors
    /// What to change.
    pub fn check(self, rooms: u32, payload_bytes: usize, messages_per_frame: u32) -> Result<()> {
        ensure!(
            self == Self::Tidegate || rooms == 1,
            "--rooms: only tidegate has more than one room here"
        );
        ensure!(
            self != Self::Tidegate || messages_per_frame == 1,
            "--messages-per-frame: a node itself decides how many messages go into a frame"
        );
        ensure!(
            payload_bytes <= limits::PAYLOAD_BYTES,
            "--payload-bytes: {} at most",
            limits::PAYLOAD_BYTES
        );
        Ok(())
    }
}

fn has(text: &[u8], part: &str) -> bool {
    memmem::find(text, part.as_bytes()).is_some()
}
