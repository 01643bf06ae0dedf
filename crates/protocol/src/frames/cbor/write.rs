//! Writers of what a node sends. Each appends one map, its fields by number.

use tidegate_stream::{Cursor, NodeName, Region, RoomId};

use super::item;
use super::{COUNTERS, ENDPOINT, FRAME, MESSAGE, number};
use crate::frames::message::Parts;
use crate::frames::{Batch, Counters, Endpoint, ErrorCode, LeftOut, MessageText};
use crate::limits;

/// Begins a frame with so many fields beside its type.
fn begin(out: &mut Vec<u8>, name: &str, more: usize) {
    item::map(out, 1 + more);
    text(out, const { number(FRAME, "type") }, name);
}

fn text(out: &mut Vec<u8>, field: u64, text: &str) {
    item::uint(out, field);
    item::text(out, text.as_bytes());
}

fn uint(out: &mut Vec<u8>, field: u64, value: u64) {
    item::uint(out, field);
    item::uint(out, value);
}

/// Appends a `batch`.
pub fn batch<'m>(
    out: &mut Vec<u8>,
    batch: &Batch<'_>,
    messages: impl Iterator<Item = &'m MessageText> + Clone,
) {
    let left_out = batch.left_out != LeftOut::NONE;
    let fields = 3 + usize::from(batch.counters.is_some()) + usize::from(left_out);
    begin(out, "batch", fields);
    text(out, const { number(FRAME, "room") }, batch.room.as_str());
    cursor(out, batch.cursor);
    item::uint(out, const { number(FRAME, "messages") });
    item::array(out, messages.clone().count());
    for message in messages {
        message.write_cbor(out);
    }
    counters(out, batch.counters);
    match batch.left_out {
        LeftOut::NONE => {}
        LeftOut::Count(count) => uint(out, const { number(FRAME, "left_out") }, count),
        LeftOut::Unknown => {
            item::uint(out, const { number(FRAME, "left_out") });
            item::null(out);
        }
    }
}

/// Appends a message of a batch.
pub(in crate::frames) fn message(out: &mut Vec<u8>, parts: &Parts<'_>) {
    // Either `data` or `hidden` is there.
    let fields = 6 + usize::from(parts.info.is_some()) + usize::from(parts.key.is_some());
    item::map(out, fields);
    for (field, value) in [
        (const { number(MESSAGE, "id") }, Some(parts.id)),
        (const { number(MESSAGE, "kind") }, Some(parts.kind)),
        (const { number(MESSAGE, "lane") }, Some(parts.lane)),
        (const { number(MESSAGE, "sub") }, Some(parts.sub.as_bytes())),
        (const { number(MESSAGE, "info") }, parts.info),
        (const { number(MESSAGE, "data") }, parts.data),
    ] {
        if let Some(value) = value {
            item::uint(out, field);
            item::text(out, value);
        }
    }
    uint(out, const { number(MESSAGE, "at_ms") }, parts.at_ms);
    if let Some(key) = parts.key {
        item::uint(out, const { number(MESSAGE, "key") });
        item::text(out, key);
    }
    if parts.data.is_none() {
        item::uint(out, const { number(MESSAGE, "hidden") });
        item::yes(out);
    }
}

/// Appends `welcome`; `position` is that of `!all`.
pub fn welcome(out: &mut Vec<u8>, region: &Region, node: &NodeName, position: &Cursor) {
    begin(out, "welcome", 4);
    cursor(out, position);
    text(out, const { number(FRAME, "region") }, region.as_str());
    text(out, const { number(FRAME, "node") }, node.as_str());
    uint(out, const { number(FRAME, "ping_ms") }, limits::PING_MS);
}

/// Appends `reset`: history does not reach back; live goes on from `position`.
pub fn reset(out: &mut Vec<u8>, room: &RoomId, position: &Cursor, totals: Option<Counters>) {
    begin(out, "reset", 2 + usize::from(totals.is_some()));
    text(out, const { number(FRAME, "room") }, room.as_str());
    cursor(out, position);
    counters(out, totals);
}

/// Appends `endpoints`: the list that `join` gave has changed.
pub fn endpoints(out: &mut Vec<u8>, list: &[Endpoint]) {
    begin(out, "endpoints", 1);
    endpoint_list(out, list);
}

/// Appends `error`. With a room it ends that subscription.
pub fn error(out: &mut Vec<u8>, code: ErrorCode, room: Option<&RoomId>) {
    begin(out, "error", 2 + usize::from(room.is_some()));
    if let Some(room) = room {
        text(out, const { number(FRAME, "room") }, room.as_str());
    }
    text(out, const { number(FRAME, "code") }, code.as_str());
    text(out, const { number(FRAME, "message") }, code.message());
}

/// Appends `move`: reconnect within so many ms, to one of `list` if there is one, else where `join` says.
pub fn move_away(out: &mut Vec<u8>, within_ms: u64, list: &[Endpoint]) {
    begin(out, "move", 1 + usize::from(!list.is_empty()));
    if !list.is_empty() {
        endpoint_list(out, list);
    }
    uint(out, const { number(FRAME, "within_ms") }, within_ms);
}

/// Appends `pong`, the answer to a `ping` frame.
pub fn pong(out: &mut Vec<u8>) {
    begin(out, "pong", 0);
}

fn cursor(out: &mut Vec<u8>, cursor: &Cursor) {
    text(out, const { number(FRAME, "cursor") }, &cursor.to_string());
}

fn counters(out: &mut Vec<u8>, counters: Option<Counters>) {
    if let Some(Counters { online, likes }) = counters {
        item::uint(out, const { number(FRAME, "counters") });
        item::map(out, 2);
        uint(out, const { number(COUNTERS, "online") }, online);
        uint(out, const { number(COUNTERS, "likes") }, likes);
    }
}

fn endpoint_list(out: &mut Vec<u8>, list: &[Endpoint]) {
    item::uint(out, const { number(FRAME, "endpoints") });
    item::array(out, list.len());
    for Endpoint { region, url } in list {
        item::map(out, 2);
        text(out, const { number(ENDPOINT, "region") }, region.as_str());
        text(out, const { number(ENDPOINT, "url") }, url);
    }
}
