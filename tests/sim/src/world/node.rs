//! A fan-out node: the real hub, and what the service does around it.

use std::collections::BTreeMap;

use tidegate_hub::{Action, Hub, HubLimits, Reader, Times, ViewerKey, Who};
use tidegate_protocol::frames::ErrorCode;
use tidegate_stream::calls::{Clock, Flush, Presence};
use tidegate_stream::{Cursor, NodeName, Region, RoomId, Shard, StreamId};

use super::World;
use super::asks::{Looked, is_banned, look_up, read, refused};
use super::conns::Conns;
use super::site::{NAMES, NoAnswer};
use super::tail::Tail;
use crate::plan::Breakage;

/// What was asked for in vain is asked for again after so long, ms.
const AGAIN_MS: u64 = 1_000;
/// So far ahead of its log is a hub that is broken on purpose.
const HUB_AHEAD_MS: u64 = 500;

pub(super) struct Node {
    pub(super) site: usize,
    pub(super) name: NodeName,
    pub(super) up: bool,
    /// Starts so far: what was meant for an earlier one is passed over.
    pub(super) starts: u64,
    pub(super) hub: Hub,
    pub(super) conns: Conns,
    pub(super) origins: Vec<Region>,
    pub(super) tail: Tail,
    flush_ms: Option<u64>,
    counts: BTreeMap<RoomId, u64>,
    holes_before: u64,
}

impl Node {
    pub(super) fn holes(&self) -> u64 {
        self.holes_before + self.hub.stats().holes
    }
}

impl World {
    pub(super) fn add_node(&mut self, site: usize, index: usize) {
        let number = self.nodes.len();
        self.nodes.push(Node {
            site,
            name: format!("n{index}").parse().expect("that is a name"),
            up: false,
            starts: 0,
            hub: Hub::new(HubLimits::default()),
            conns: Conns::new(self.plan.window),
            origins: Vec::new(),
            tail: Tail::default(),
            flush_ms: None,
            counts: BTreeMap::new(),
            holes_before: 0,
        });
        self.start_node(number);
        let offset_ms = self.chance.u64(..1_000);
        self.after(offset_ms, move |world| world.duties(number));
    }

    pub(super) fn start_node(&mut self, number: usize) {
        let ceiling_ms = self.chance.u64(..50);
        let limits = HubLimits {
            ring_bytes: self.plan.ring_bytes,
            tick_ceiling_ms: ceiling_ms,
            chat_budget: 0,
        };
        let window = self.plan.window;
        let node = &mut self.nodes[number];
        node.holes_before = node.holes();
        node.up = true;
        node.starts += 1;
        node.hub = Hub::new(limits);
        node.conns = Conns::new(window);
        node.tail = Tail::default();
        node.flush_ms = None;
        node.counts.clear();
        node.origins = vec![NAMES[node.site].parse().expect("that is a name")];
    }

    pub(super) fn stop_node(&mut self, number: usize) {
        self.nodes[number].up = false;
        for conn in 0..self.nodes[number].conns.list.len() {
            let conn = &mut self.nodes[number].conns.list[conn];
            if std::mem::replace(&mut conn.cut, true) {
                continue;
            }
            let viewer = conn.viewer;
            self.viewer_lost(viewer);
        }
    }

    pub(super) fn times(&self, number: usize) -> Times {
        Times {
            now_ms: self.now_ms,
            clock_ms: self.clock_ms(self.nodes[number].site),
        }
    }

    /// Does something with a node's hub, and what it asks for.
    pub(super) fn with_hub<T>(
        &mut self,
        number: usize,
        what: impl FnOnce(&mut Hub, &mut Conns) -> T,
    ) -> T {
        let node = &mut self.nodes[number];
        let result = what(&mut node.hub, &mut node.conns);
        self.settle(number);
        result
    }

    fn settle(&mut self, number: usize) {
        loop {
            let out = std::mem::take(&mut self.nodes[number].conns.out);
            let action = self.nodes[number].hub.next_action();
            if out.is_empty() && action.is_none() {
                break;
            }
            for (key, frame) in out {
                self.send(number, key, frame);
            }
            if let Some(action) = action {
                self.act(number, action);
            }
        }
        let due_ms = self.nodes[number].hub.next_due_ms();
        let due_ms = if self.nodes[number].hub.has_work(self.now_ms) {
            Some(self.now_ms)
        } else {
            due_ms
        };
        if let Some(due_ms) = due_ms
            && self.nodes[number]
                .flush_ms
                .is_none_or(|at_ms| due_ms < at_ms)
        {
            let due_ms = due_ms.max(self.now_ms);
            self.nodes[number].flush_ms = Some(due_ms);
            let starts = self.nodes[number].starts;
            let delay_ms = due_ms - self.now_ms + self.chance.u64(..2);
            self.after(delay_ms, move |world| {
                if world.is_node(number, starts) {
                    world.nodes[number].flush_ms = None;
                    let times = world.times(number);
                    world.with_hub(number, |hub, conns| hub.slice(times, conns));
                }
            });
        }
    }

    /// Whether a node still runs as it did.
    pub(super) fn is_node(&self, number: usize, starts: u64) -> bool {
        self.nodes[number].up && self.nodes[number].starts == starts
    }

    /// Asks the node's own Redis, and goes on if the node still runs.
    pub(super) fn ask_for_node<T: 'static>(
        &mut self,
        number: usize,
        work: impl FnOnce(&mut Self, usize) -> Result<T, NoAnswer> + 'static,
        then: impl FnOnce(&mut Self, Result<T, NoAnswer>) + 'static,
    ) {
        let site = self.nodes[number].site;
        let starts = self.nodes[number].starts;
        self.visit(
            site,
            site,
            move |world| work(world, site),
            move |world, answer| {
                if world.is_node(number, starts) {
                    then(world, answer.unwrap_or(Err(NoAnswer::Away)));
                }
            },
        );
    }

    fn act(&mut self, number: usize, action: Action) {
        match action {
            Action::OpenShard(shard) => self.open_shard(number, shard),
            Action::Join {
                sub,
                room,
                who,
                tally,
                ..
            } => {
                let who = Who::clone(&who);
                let origins = self.nodes[number].origins.clone();
                self.ask_for_node(
                    number,
                    move |world, site| look_up(world, site, &room, &who, tally.then_some(&origins)),
                    move |world, looked| {
                        let times = world.times(number);
                        world.with_hub(number, |hub, conns| match looked {
                            Ok(Looked::In(tally)) => hub.admit(sub, tally, times, conns),
                            Ok(Looked::Out(code)) => hub.end(sub, code),
                            Err(_) => hub.end(sub, ErrorCode::TryAgain),
                        });
                    },
                );
            }
            Action::Read {
                reader,
                room,
                after,
            } => self.read_history(number, reader, room, after),
            Action::CheckBan { room, user } => self.check_ban(number, room, user),
            Action::CheckBans { room, users } => {
                for user in users {
                    self.check_ban(number, room.clone(), user);
                }
            }
            // No room of a world is ever closed.
            Action::CheckState { .. } => {}
            Action::Ended {
                viewer, sub, code, ..
            } => {
                let conn = self.nodes[number].conns.get(viewer);
                if conn.sub == Some(sub) {
                    conn.sub = None;
                    self.hang_up(number, viewer, code.as_str());
                }
            }
            Action::Close { viewer, code } => {
                if let Some(sub) = self.nodes[number].conns.get(viewer).sub.take() {
                    self.nodes[number].hub.leave(sub);
                }
                self.hang_up(number, viewer, code.reason());
            }
        }
    }

    /// Ends a connection from the node's side, after the frames that are on their way.
    fn hang_up(&mut self, number: usize, key: ViewerKey, why: &'static str) {
        let conn = self.nodes[number].conns.get(key);
        if std::mem::replace(&mut conn.ended, true) {
            return;
        }
        let wait_ms = conn.arrives_ms.saturating_sub(self.now_ms);
        let starts = self.nodes[number].starts;
        self.after(wait_ms, move |world| {
            if world.nodes[number].starts == starts {
                let conn = world.nodes[number].conns.get(key);
                if !std::mem::replace(&mut conn.cut, true) {
                    let viewer = conn.viewer;
                    world.viewer_ended(viewer, why);
                }
            }
        });
    }

    fn read_history(
        &mut self,
        number: usize,
        reader: Reader,
        room: RoomId,
        after: Vec<(Region, StreamId)>,
    ) {
        let again = (room.clone(), after.clone());
        self.ask_for_node(
            number,
            move |world, site| read(world, site, &room, &after),
            move |world, pages| {
                let times = world.times(number);
                match (pages, reader) {
                    (Ok(pages), Reader::Viewer(sub)) => {
                        world.with_hub(number, |hub, conns| hub.page(sub, pages, times, conns));
                    }
                    (Ok(pages), Reader::Room(room)) => {
                        world.with_hub(number, |hub, _| hub.room_page(room, pages, times));
                    }
                    (Err(_), Reader::Viewer(sub)) => {
                        world.with_hub(number, |hub, _| hub.read_failed(sub));
                    }
                    (Err(_), Reader::Room(reference)) => {
                        let starts = world.nodes[number].starts;
                        world.after(AGAIN_MS, move |world| {
                            if world.is_node(number, starts)
                                && world.nodes[number].hub.room_waits(reference)
                            {
                                world.read_history(number, reader, again.0, again.1);
                            }
                        });
                    }
                }
            },
        );
    }

    fn check_ban(&mut self, number: usize, room: RoomId, user: String) {
        let (asked, who) = (room.clone(), user.clone());
        self.ask_for_node(
            number,
            move |world, site| is_banned(world, site, &asked, &who),
            move |world, banned| match banned {
                Ok(true) => world.with_hub(number, |hub, _| hub.banned(&room, &user)),
                Ok(false) => {}
                Err(_) => {
                    let starts = world.nodes[number].starts;
                    world.after(AGAIN_MS, move |world| {
                        if world.is_node(number, starts) {
                            world.check_ban(number, room, user);
                        }
                    });
                }
            },
        );
    }

    /// What a node does each second.
    fn duties(&mut self, number: usize) {
        let site = self.nodes[number].site;
        self.after(1_000, move |world| world.duties(number));
        if !self.nodes[number].up {
            return;
        }
        self.with_hub(number, |hub, _| hub.ask_again());
        let now_ms = self.now_ms;
        self.nodes[number].hub.ease(now_ms);
        for shard in self.nodes[number].hub.close_idle_shards() {
            self.nodes[number].tail.close(shard);
        }
        let times = self.times(number);
        if (self.now_ms / 1_000).is_multiple_of(5) {
            self.with_hub(number, |hub, _| hub.check_counters(times));
        }
        let node = &mut self.nodes[number];
        node.counts.extend(node.hub.changed_counts());
        let counts = std::mem::take(&mut node.counts);
        let name = node.name.clone();
        let told = counts.clone();
        self.ask_for_node(
            number,
            move |world, _| world.tell_and_flush(site, &name, &counts),
            move |world, answer| match answer {
                Ok(origins) => {
                    world.nodes[number].origins = origins;
                    world.follow_regions(number);
                }
                Err(_) => {
                    // To be told again, unless there is a newer number.
                    for (room, count) in told {
                        world.nodes[number].counts.entry(room).or_insert(count);
                    }
                }
            },
        );
    }

    fn tell_and_flush(
        &mut self,
        site: usize,
        node: &NodeName,
        counts: &BTreeMap<RoomId, u64>,
    ) -> Result<Vec<Region>, NoAnswer> {
        let keys = self.keys.clone();
        let bounds = self.plan.bounds;
        let region = self.sites[site].name.clone();
        self.call_at(site, &Clock::call(&keys))?;
        let known = self.ask_at(site, &["HKEYS", &keys.regions()])?;
        for shard in keys.shards().all() {
            let here: Vec<_> = counts
                .iter()
                .filter(|(room, _)| keys.shard(room) == shard)
                .map(|(room, count)| (room.clone(), *count))
                .collect();
            let presence = Presence {
                region: &region,
                node,
                shard,
                counts: &here,
            };
            for call in presence.calls(&keys, &bounds) {
                refused(Presence::answer(&self.call_at(site, &call)?))?;
            }
            let flush = Flush {
                region: &region,
                shard,
            };
            refused(Flush::answer(
                &self.call_at(site, &flush.call(&keys, &bounds))?,
            ))?;
        }
        Ok(known
            .list()
            .into_iter()
            .filter_map(|name| String::from_utf8(name.bytes()).ok()?.parse().ok())
            .collect())
    }

    fn open_shard(&mut self, number: usize, shard: Shard) {
        let origins = self.nodes[number].origins.clone();
        self.ask_for_node(
            number,
            move |world, site| world.positions_at(site, shard, &origins),
            move |world, found| {
                let Ok(found) = found else {
                    return world.with_hub(number, |hub, _| hub.not_opened(shard));
                };
                let positions: Cursor = world.nodes[number].tail.open(shard, &found);
                let ahead = match world.plan.breakage {
                    Some(Breakage::HubAheadOfTail) => HUB_AHEAD_MS,
                    _ => 0,
                };
                let positions = positions
                    .iter()
                    .map(|(origin, id)| {
                        (
                            origin.clone(),
                            StreamId {
                                ms: id.ms + ahead,
                                ..id
                            },
                        )
                    })
                    .collect();
                world.with_hub(number, |hub, _| hub.opened(shard, positions));
                world.wake_tail(number);
            },
        );
    }
}
