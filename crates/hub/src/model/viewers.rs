//! The viewers of the model: each checks what it is given against the logs.

use tidegate_protocol::frames::ServerFrame;
use tidegate_protocol::level::of_chat;
use tidegate_stream::{Cursor, Region, StreamId};

use super::ORIGINS;
use super::log::{Log, is_chat};
use crate::{Frame, Offered, Sink, SubRef, ViewerKey};

#[derive(Default)]
pub(super) struct Viewer {
    pub(super) node: usize,
    pub(super) sub: Option<SubRef>,
    pub(super) blocked: bool,
    pub(super) keeps: bool,
    pub(super) closing: bool,
    /// What it may rely on having seen; none before the first frame of a subscription without a cursor.
    pub(super) at: Option<Cursor>,
}

pub(super) struct Connections<'a> {
    pub(super) logs: &'a [Log],
    pub(super) viewers: &'a mut [Viewer],
    pub(super) trimmed: bool,
    pub(super) sampled: bool,
}

impl Sink for Connections<'_> {
    fn offer(&mut self, viewer: ViewerKey, frame: &Frame) -> Offered {
        let viewer = &mut self.viewers[viewer as usize];
        if viewer.closing {
            return Offered::Gone;
        }
        if viewer.keeps {
            return Offered::Refused;
        }
        viewer.keeps = viewer.blocked;
        let text = String::from_utf8(frame.to_vec()).unwrap();
        let json = text
            .lines()
            .find_map(|line| line.strip_prefix("data: "))
            .unwrap();
        let id = text
            .lines()
            .find_map(|line| line.strip_prefix("id: "))
            .unwrap();
        match serde_json::from_str(json).unwrap() {
            ServerFrame::Batch {
                messages,
                cursor,
                left_out,
                ..
            } => {
                assert_eq!(id, cursor);
                let mut at = match viewer.at.take() {
                    Some(at) => at,
                    None => {
                        assert!(messages.is_empty(), "live begins with an empty batch");
                        cursor.parse().unwrap()
                    }
                };
                let chat_gap = left_out == Some(None);
                assert!(!chat_gap || self.trimmed, "chat was whole");
                let mut missing = Vec::new();
                let mut kept = Vec::new();
                for message in messages {
                    let origin = &message.id.origin;
                    let id = message.id.id;
                    missing.extend(pass(self.logs, &mut at, origin, id, true));
                    kept.extend((message.lane == "chat").then(|| of_chat(origin, id)));
                }
                let cursor: Cursor = cursor.parse().unwrap();
                for (origin, id) in cursor.iter() {
                    missing.extend(pass(self.logs, &mut at, origin, id, false));
                }
                if !chat_gap {
                    let count = left_out.flatten().unwrap_or(0);
                    assert_eq!(missing.len() as u64, count, "what is missing is counted");
                    assert!(
                        count == 0 || self.sampled,
                        "nobody is slow or over a budget"
                    );
                    let left = missing.iter().max();
                    assert!(
                        left.is_none_or(|left| kept.iter().all(|level| level > left)),
                        "no level keeps {kept:?} and leaves {missing:?} out"
                    );
                }
                for (origin, id) in at.iter() {
                    go_back(self.logs, origin, id, cursor.get(origin));
                }
                viewer.at = Some(cursor);
            }
            ServerFrame::Reset { cursor, .. } => {
                assert!(self.trimmed, "history was whole");
                viewer.at = Some(cursor.parse().unwrap());
            }
            other => panic!("{other:?}"),
        }
        if viewer.keeps {
            Offered::Kept
        } else {
            Offered::Sent
        }
    }
}

/// A frame that ends before the ring does may carry an earlier position of another origin, but only across entries that
/// are not this room's: then nothing comes again.
fn go_back(logs: &[Log], origin: &Region, from: StreamId, to: StreamId) {
    let index = ORIGINS.iter().position(|name| *name == origin.as_str());
    let entries = &logs[index.expect("an origin of the model")].entries;
    let again = entries
        .iter()
        .find(|(entry, here)| *here && entry.id > to && entry.id <= from);
    assert!(
        again.is_none(),
        "{origin}: back from {from} to {to}: {again:?} would come again"
    );
}

/// Moves a viewer's position to `to`: a message there, or nothing but what was seen or is not the room's. Gives the levels
/// of the chat that lies between and was not given.
pub(super) fn pass(
    logs: &[Log],
    at: &mut Cursor,
    origin: &Region,
    to: StreamId,
    message: bool,
) -> Vec<u8> {
    let index = ORIGINS.iter().position(|name| *name == origin.as_str());
    let from = at.get(origin);
    if message {
        assert!(to > from, "{origin}-{to} again, or out of order, at {from}");
    }
    at.set(origin.clone(), to);
    let Some(index) = index else {
        return Vec::new();
    };
    let passed = logs[index].entries.iter().filter(|(entry, here)| {
        *here && entry.id > from && (entry.id < to || !message && entry.id == to)
    });
    passed
        .map(|(entry, _)| {
            assert!(
                is_chat(entry),
                "{origin}: {entry:?} is missing between {from} and {to}"
            );
            of_chat(origin, entry.id)
        })
        .collect()
}
