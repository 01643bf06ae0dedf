//! Feeding one subscription from its room's ring.

use tidegate_protocol::frames::{Counters, LeftOut};
use tidegate_stream::Cursor;

use crate::frames::Made;
use crate::hub::{Offered, Sink, Stats};
use crate::limits::FRAME_BYTES;
use crate::ring::{Cut, Item};
use crate::room::{Room, texts};
use crate::subscription::{Phase, Sub};

/// How far a viewer was fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fed {
    /// As far as was asked.
    Level,
    /// The connection is blocked, or gone.
    Blocked,
    /// The ring no longer reaches back to it.
    TooSlow,
}

/// Feeds up to `to`. `counters` are owed to whoever is level, too.
pub(crate) fn feed<S: Sink>(
    room: &mut Room,
    sub: &mut Sub,
    shard: &Cursor,
    to: u64,
    counters: Option<Counters>,
    sink: &mut S,
    stats: &mut Stats,
) -> Fed {
    let mut owed = counters;
    let level = room.budget.known_level().max(sub.strain.level());
    while sub.served < to {
        if sub.served < room.ring.first() {
            return Fed::TooSlow;
        }
        let cut = room.ring.cut(sub.served, to, FRAME_BYTES);
        let made = match &sub.phase {
            Phase::Ahead(cursor) if !cut.reset => own_frame(room, sub, cursor, cut, level, shard),
            Phase::Ahead(cursor) if has_lost(room, cursor, cut) => None,
            Phase::Ahead(cursor) => {
                let mut position = room.cursor_at(cut.to, shard);
                position.merge(cursor);
                Some(Made {
                    frame: room
                        .encoder
                        .reset(sub.encoding, &room.id, &position, room.shown),
                    left_out: 0,
                })
            }
            Phase::Live | Phase::Opening(_) => Some(room.shared(cut, sub.encoding, level, shard)),
        };
        if let Some(made) = made {
            stats.own_frames += 1;
            match sink.offer(sub.viewer, &made.frame) {
                offered @ (Offered::Sent | Offered::Kept) => {
                    stats.deliveries += 1;
                    stats.left_out += made.left_out;
                    if offered == Offered::Kept {
                        stats.blocked += 1;
                        sub.strain.block(level);
                        served(room, sub, cut.to, shard);
                        return Fed::Blocked;
                    }
                }
                Offered::Refused => {
                    stats.refused += 1;
                    sub.strain.block(level);
                    sub.stale |= owed.is_some();
                    return Fed::Blocked;
                }
                Offered::Gone => return Fed::Blocked,
            }
            if cut.to == room.ring.end() {
                owed = None;
            }
        }
        served(room, sub, cut.to, shard);
    }
    match owed {
        Some(counters) => feed_counters(room, sub, shard, counters, sink, stats),
        None => Fed::Level,
    }
}

/// A frame without messages, for counters that have changed.
fn feed_counters<S: Sink>(
    room: &Room,
    sub: &mut Sub,
    shard: &Cursor,
    counters: Counters,
    sink: &mut S,
    stats: &mut Stats,
) -> Fed {
    let mut position = room.cursor_at(sub.served, shard);
    if let Phase::Ahead(cursor) = &sub.phase {
        position.merge(cursor);
    }
    let nothing = std::iter::empty();
    let frame = room.encoder.batch(
        sub.encoding,
        &room.id,
        &position,
        Some(counters),
        LeftOut::NONE,
        nothing,
    );
    let offered = sink.offer(sub.viewer, &frame);
    sub.stale = offered == Offered::Refused;
    match offered {
        Offered::Kept => {
            stats.deliveries += 1;
            stats.own_frames += 1;
            stats.blocked += 1;
            sub.strain.block(room.budget.known_level());
            Fed::Blocked
        }
        Offered::Sent => {
            stats.deliveries += 1;
            stats.own_frames += 1;
            Fed::Level
        }
        Offered::Refused | Offered::Gone => Fed::Blocked,
    }
}

/// What a viewer who is ahead has not seen yet; none if it has seen all of it.
fn own_frame(
    room: &Room,
    sub: &Sub,
    cursor: &Cursor,
    cut: Cut,
    level: u8,
    shard: &Cursor,
) -> Option<Made> {
    let unseen = room
        .messages(cut)
        .filter(|message| message.id > cursor.get(&message.origin));
    if unseen.clone().next().is_none() && !cut.chat_gap {
        return None;
    }
    let mut position = room.cursor_at(cut.to, shard);
    position.merge(cursor);
    let counters = (cut.to == room.ring.end()).then_some(room.shown);
    let dropped = unseen.clone().filter(|message| message.level < level);
    let dropped = dropped.count() as u64;
    let messages = texts(unseen.filter(|message| message.level >= level));
    let left_out = cut.left_out(dropped);
    Some(Made {
        frame: room.encoder.batch(
            sub.encoding,
            &room.id,
            &position,
            counters,
            left_out,
            messages,
        ),
        left_out: dropped,
    })
}

/// Whether a viewer who is ahead has what a reset says is missing: then it is none for this viewer.
fn has_lost(room: &Room, cursor: &Cursor, cut: Cut) -> bool {
    room.ring.range(cut.from, cut.to).all(|item| match item {
        Item::Reset { lost, .. } => cursor.covers(lost),
        Item::Message(_) | Item::ChatGap | Item::Level(_) => false,
    })
}

/// Moves a subscription on. Whoever was ahead shares frames again once the node has caught up. The ring then knows how far
/// that was, or a later frame from its middle would hand out a position before what the viewer has seen.
pub(crate) fn served(room: &mut Room, sub: &mut Sub, to: u64, shard: &Cursor) {
    sub.served = to;
    if let Phase::Ahead(cursor) = &sub.phase
        && room.cursor_at(to, shard).covers(cursor)
    {
        if to == room.ring.end() {
            let level = room.level(shard).clone();
            room.ring.mark(&level);
        }
        sub.phase = Phase::Live;
    }
}
