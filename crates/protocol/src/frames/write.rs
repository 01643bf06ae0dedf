//! Writers of what a node sends. Each appends one JSON object, on one line.

use tidegate_stream::{Cursor, NodeName, Region, RoomId};

use super::{Counters, Endpoint, ErrorCode, json};
use crate::limits;

/// How many messages of a batch's range were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// So many; none is the usual, and is not written.
    Count(u64),
    /// History no longer reaches back for chat: unknown.
    Unknown,
}

impl LeftOut {
    /// Everything is there.
    pub const NONE: Self = Self::Count(0);
}

/// What a batch says beside its messages.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Whose messages they are.
    pub room: &'a RoomId,
    /// The position after them.
    pub cursor: &'a Cursor,
    /// The room's counters, when they have changed or the batch answers a `subscribe`.
    pub counters: Option<Counters>,
    /// What lanes left out.
    pub left_out: LeftOut,
}

/// Appends a `batch` of messages that are encoded already, see [`MessageText`](super::MessageText).
pub fn batch<'m>(
    out: &mut Vec<u8>,
    batch: &Batch<'_>,
    messages: impl IntoIterator<Item = &'m [u8]>,
) {
    out.extend_from_slice(b"{\"type\":\"batch\",\"room\":");
    json::string(out, batch.room.as_str());
    out.extend_from_slice(b",\"messages\":[");
    for (index, message) in messages.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(message);
    }
    out.push(b']');
    cursor(out, batch.cursor);
    counters(out, batch.counters);
    match batch.left_out {
        LeftOut::NONE => {}
        LeftOut::Count(count) => {
            out.extend_from_slice(b",\"left_out\":");
            json::plain(out, count);
        }
        LeftOut::Unknown => out.extend_from_slice(b",\"left_out\":null"),
    }
    out.push(b'}');
}

/// Appends `welcome`; `position` is that of `!all`.
pub fn welcome(out: &mut Vec<u8>, region: &Region, node: &NodeName, position: &Cursor) {
    out.extend_from_slice(b"{\"type\":\"welcome\",\"region\":");
    json::string(out, region.as_str());
    out.extend_from_slice(b",\"node\":");
    json::string(out, node.as_str());
    cursor(out, position);
    out.extend_from_slice(b",\"ping_ms\":");
    json::plain(out, limits::PING_MS);
    out.push(b'}');
}

/// Appends `reset`: history does not reach back; live goes on from `position`.
pub fn reset(out: &mut Vec<u8>, room: &RoomId, position: &Cursor, totals: Option<Counters>) {
    out.extend_from_slice(b"{\"type\":\"reset\",\"room\":");
    json::string(out, room.as_str());
    cursor(out, position);
    counters(out, totals);
    out.push(b'}');
}

/// Appends `endpoints`: the list that `join` gave has changed.
pub fn endpoints(out: &mut Vec<u8>, list: &[Endpoint]) {
    out.extend_from_slice(b"{\"type\":\"endpoints\"");
    endpoint_list(out, list);
    out.push(b'}');
}

/// Appends `error`. With a room it ends that subscription.
pub fn error(out: &mut Vec<u8>, code: ErrorCode, room: Option<&RoomId>) {
    out.extend_from_slice(b"{\"type\":\"error\",\"code\":");
    json::string(out, code.as_str());
    if let Some(room) = room {
        out.extend_from_slice(b",\"room\":");
        json::string(out, room.as_str());
    }
    out.extend_from_slice(b",\"message\":");
    json::string(out, code.message());
    out.push(b'}');
}

/// Appends `move`: reconnect within so many ms, to one of `list` if there is one, else where `join` says.
pub fn move_away(out: &mut Vec<u8>, within_ms: u64, list: &[Endpoint]) {
    out.extend_from_slice(b"{\"type\":\"move\",\"within_ms\":");
    json::plain(out, within_ms);
    if !list.is_empty() {
        endpoint_list(out, list);
    }
    out.push(b'}');
}

/// Appends `pong`, the answer to a `ping` frame.
pub fn pong(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"pong\"}");
}

fn cursor(out: &mut Vec<u8>, cursor: &Cursor) {
    out.extend_from_slice(b",\"cursor\":\"");
    json::plain(out, cursor);
    out.push(b'"');
}

fn counters(out: &mut Vec<u8>, counters: Option<Counters>) {
    if let Some(Counters { online, likes }) = counters {
        out.extend_from_slice(b",\"counters\":{\"online\":");
        json::plain(out, online);
        out.extend_from_slice(b",\"likes\":");
        json::plain(out, likes);
        out.push(b'}');
    }
}

fn endpoint_list(out: &mut Vec<u8>, list: &[Endpoint]) {
    out.extend_from_slice(b",\"endpoints\":[");
    for (index, Endpoint { region, url }) in list.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",{" } else { b"{" });
        out.extend_from_slice(b"\"region\":");
        json::string(out, region.as_str());
        out.extend_from_slice(b",\"url\":");
        json::string(out, url);
        out.push(b'}');
    }
    out.push(b']');
}
