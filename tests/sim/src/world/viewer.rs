//! Viewers: they keep the last cursor that they were given, come back with it, here or elsewhere, and check what they get.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_hub::{Encoding, Frame, Subscribe, ViewerKey, Who};
use tidegate_protocol::frames::{ServerFrame, cbor};
use tidegate_stream::{Cursor, Region, RoomId, StreamId};

use super::World;
use crate::check::Batch;
use crate::plan::Breakage;

/// How long a viewer waits before it tries again, ms.
const RETRY_MS: u64 = 120;

pub(crate) struct Viewer {
    pub(crate) room: RoomId,
    /// What it was given last.
    pub(crate) at: Option<Cursor>,
    /// Everything that it was given.
    pub(crate) seen: BTreeMap<Region, BTreeSet<StreamId>>,
    encoding: Encoding,
    /// The node, its start and the connection there.
    pub(super) conn: Option<(usize, u64, ViewerKey)>,
    /// The region where it was last.
    pub(crate) site: Option<usize>,
    /// It was answered since it last came.
    pub(crate) answered: bool,
}

impl World {
    pub(super) fn add_viewer(&mut self, index: usize) {
        let room = self.rooms[index % self.rooms.len()].clone();
        let encoding = match index % 4 {
            0 | 2 => Encoding::Sse,
            1 => Encoding::Text,
            _ => Encoding::Binary,
        };
        self.viewers.push(Viewer {
            room,
            at: None,
            seen: BTreeMap::new(),
            encoding,
            conn: None,
            site: None,
            answered: false,
        });
        let come_ms = self.chance.u64(..1_500);
        self.after(come_ms, move |world| world.come(index));
        self.after(come_ms + 100, move |world| world.stay_or_leave(index));
    }

    /// Each 100 ms a viewer may go.
    fn stay_or_leave(&mut self, index: usize) {
        if self.calm {
            return;
        }
        let leave = self.plan.leave_of_1000;
        if self.happens(leave) {
            self.leave(index);
        }
        self.after(100, move |world| world.stay_or_leave(index));
    }

    /// The connection breaks: what is on its way is lost, and the node learns of it later.
    fn leave(&mut self, index: usize) {
        let Some((number, starts, key)) = self.viewers[index].conn.take() else {
            return;
        };
        if self.nodes[number].starts == starts {
            self.nodes[number].conns.get(key).cut = true;
            let learns_ms = self.chance.u64(..200);
            self.after(learns_ms, move |world| {
                if world.is_node(number, starts) {
                    let conn = world.nodes[number].conns.get(key);
                    conn.ended = true;
                    if let Some(sub) = conn.sub.take() {
                        world.with_hub(number, |hub, _| hub.leave(sub));
                    }
                }
            });
        }
        self.note(format_args!("viewer {index} leaves node {number}"));
        self.come_soon(index);
    }

    fn come_soon(&mut self, index: usize) {
        let away_ms = RETRY_MS + self.chance.u64(..400);
        self.after(away_ms, move |world| world.come(index));
    }

    /// The node is gone.
    pub(super) fn viewer_lost(&mut self, index: usize) {
        self.viewers[index].conn = None;
        self.come_soon(index);
    }

    /// The node has ended the subscription, or the connection.
    pub(super) fn viewer_ended(&mut self, index: usize, why: &'static str) {
        self.note(format_args!("viewer {index} is put out: {why}"));
        if why == tidegate_protocol::CloseCode::BadCursor.reason() {
            let at = &self.viewers[index].at;
            self.violated(format!(
                "viewer {index}: {at:?} was refused, which it was given"
            ));
        }
        self.viewers[index].conn = None;
        self.come_soon(index);
    }

    fn come(&mut self, index: usize) {
        if self.viewers[index].conn.is_some() {
            return;
        }
        let elsewhere = self.chance.u32(..3) == 0;
        let mut choice: Vec<usize> = (0..self.nodes.len())
            .filter(|&number| self.nodes[number].up)
            .filter(|&number| {
                elsewhere
                    || self.viewers[index]
                        .site
                        .is_none_or(|site| self.nodes[number].site == site)
            })
            .collect();
        if choice.is_empty() {
            choice = (0..self.nodes.len())
                .filter(|&number| self.nodes[number].up)
                .collect();
        }
        if choice.is_empty() {
            return self.come_soon(index);
        }
        let number = choice[self.chance.usize(..choice.len())];
        let site = self.nodes[number].site;
        let viewer = &mut self.viewers[index];
        // It travels as text.
        let mut cursor: Option<Cursor> = viewer
            .at
            .as_ref()
            .map(|at| at.to_string().parse().expect("a cursor reads back"));
        if self.plan.breakage == Some(Breakage::CursorByMaximum)
            && let Some(cursor) = &mut cursor
        {
            let most = cursor.iter().map(|(_, id)| id).max().unwrap_or_default();
            *cursor = cursor
                .iter()
                .map(|(origin, _)| (origin.clone(), most))
                .collect();
        }
        self.tally.resumed += u64::from(cursor.is_some());
        self.tally.moved += u64::from(cursor.is_some() && viewer.site != Some(site));
        viewer.site = Some(site);
        viewer.answered = false;
        let (room, encoding) = (viewer.room.clone(), viewer.encoding);
        let starts = self.nodes[number].starts;
        let key = self.nodes[number].conns.open(index);
        self.viewers[index].conn = Some((number, starts, key));
        self.note(format_args!(
            "viewer {index} comes to node {number} at {cursor:?}"
        ));
        let shard = self.keys.shard(&room);
        let way_ms = self.chance.u64(1..30);
        self.after(way_ms, move |world| {
            if !world.is_node(number, starts) || world.nodes[number].conns.get(key).cut {
                return;
            }
            let new = Subscribe {
                viewer: key,
                room,
                shard,
                who: Who {
                    subject: format!("viewer-{index}").parse().ok(),
                    token: None,
                },
                encoding,
                cursor,
                expires_ms: u64::MAX,
                answered: true,
            };
            let sub = world.nodes[number].hub.subscribe(new);
            world.nodes[number].conns.get(key).sub = Some(sub);
            world.with_hub(number, |_, _| ());
        });
    }

    /// A frame sets off.
    pub(super) fn send(&mut self, number: usize, key: ViewerKey, frame: Frame) {
        let most_ms = self.plan.frame_ms;
        let way_ms = self.chance.u64(..=most_ms);
        let starts = self.nodes[number].starts;
        let conn = self.nodes[number].conns.get(key);
        conn.arrives_ms = conn.arrives_ms.max(self.now_ms + way_ms);
        let wait_ms = conn.arrives_ms - self.now_ms;
        self.after(wait_ms, move |world| {
            if world.is_node(number, starts) {
                world.arrive(number, key, &frame);
            }
        });
    }

    fn arrive(&mut self, number: usize, key: ViewerKey, frame: &Frame) {
        let window = self.plan.window;
        let conn = self.nodes[number].conns.get(key);
        conn.in_flight -= 1;
        if conn.cut {
            return;
        }
        let (viewer, sub) = (conn.viewer, conn.sub);
        let resumes = conn.blocked && conn.in_flight < window;
        conn.blocked &= !resumes;
        self.take_frame(viewer, number, frame);
        if resumes && let Some(sub) = sub {
            let times = self.times(number);
            self.with_hub(number, |hub, conns| hub.resume(sub, times, conns));
        }
    }

    fn take_frame(&mut self, index: usize, number: usize, frame: &Frame) {
        let site = self.nodes[number].site;
        let text = text_of(frame, self.viewers[index].encoding);
        let frame = serde_json::from_str(&text).expect("a node sends frames");
        self.viewers[index].answered = true;
        match frame {
            ServerFrame::Batch {
                messages,
                cursor,
                left_out,
                ..
            } => {
                let left_out = left_out.unwrap_or(Some(0));
                let chat_gap = left_out.is_none();
                self.tally.left_out += left_out.unwrap_or(1);
                self.tally.received += messages.len() as u64;
                let ids: Vec<_> = messages
                    .iter()
                    .map(|message| {
                        let chat = message.lane == "chat";
                        (message.id.origin.clone(), message.id.id, chat)
                    })
                    .collect();
                let to: Cursor = cursor.parse().expect("a node sends cursors");
                self.note(format_args!(
                    "viewer {index} has {:?} to {to:?}{}",
                    ids.iter()
                        .map(|(origin, id, _)| format!("{origin}-{id}"))
                        .collect::<Vec<_>>(),
                    match left_out {
                        Some(0) => String::new(),
                        Some(count) => format!(", {count} left out"),
                        None => ", chat left out".to_owned(),
                    }
                ));
                if chat_gap && self.plan.keeps_all && self.tally.restarts == 0 {
                    self.violated(format!(
                        "viewer {index}: chat was left out although all is kept"
                    ));
                }
                let viewer = &mut self.viewers[index];
                let batch = Batch {
                    site,
                    ids: &ids,
                    to: &to,
                    left_out,
                };
                let result = self.ledger.batch(viewer, index, &batch);
                self.must(result);
                self.check_bound(index, &cursor, &to);
            }
            ServerFrame::Reset { cursor, .. } => {
                let to: Cursor = cursor.parse().expect("a node sends cursors");
                self.note(format_args!(
                    "viewer {index} is told to begin anew at {to:?}"
                ));
                self.tally.resets += 1;
                if self.plan.keeps_all && self.tally.restarts == 0 {
                    self.violated(format!("viewer {index}: a reset although all is kept"));
                }
                let result = self.ledger.reset(&mut self.viewers[index], index, &to);
                self.must(result);
                self.check_bound(index, &cursor, &to);
            }
            other => self.violated(format!("viewer {index}: {other:?}")),
        }
    }

    fn check_bound(&mut self, index: usize, text: &str, cursor: &Cursor) {
        let components = cursor.iter().count();
        if text.len() > tidegate_stream::cursor::CURSOR_BYTES || components > self.plan.sites {
            self.violated(format!("viewer {index}: the cursor grows: {cursor:?}"));
        }
    }
}

/// The JSON of a frame.
fn text_of(frame: &[u8], encoding: Encoding) -> String {
    let body = match encoding {
        Encoding::Sse => {
            let text = std::str::from_utf8(frame).expect("events are text");
            return text
                .lines()
                .find_map(|line| line.strip_prefix("data: "))
                .expect("an event has data")
                .to_owned();
        }
        _ => match frame[1] {
            126 => &frame[4..],
            127 => &frame[10..],
            _ => &frame[2..],
        },
    };
    if encoding == Encoding::Binary {
        return cbor::json(body).expect("frames are CBOR").to_string();
    }
    String::from_utf8(body.to_vec()).expect("frames are text")
}
