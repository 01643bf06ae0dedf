//! What a relay has sent: calls on their way, and connections that break under them.

use std::collections::VecDeque;

use tidegate_relay::{Refused, Speed};
use tidegate_stream::Shard;
use tidegate_stream::calls::{RelayAnswer, RelayEntry, RelayVerdict};

use super::super::World;
use super::super::site::NoAnswer;
use crate::plan::Breakage;

/// Calls on their way on one connection, in order.
#[derive(Default)]
pub(super) struct Flight {
    shards: VecDeque<(u64, Shard)>,
    next: u64,
    /// Nothing overtakes on a connection.
    arrives_ms: u64,
    answered_ms: u64,
    /// It broke, and the relay does not know yet: nothing is answered any more.
    dead: bool,
}

/// Which of a relay's connections a speed has.
pub(super) fn index(speed: Speed) -> usize {
    match speed {
        Speed::Live => 0,
        Speed::Bulk => 1,
    }
}

impl World {
    /// Sends a call on the connection of its speed, after those that were sent before.
    pub(super) fn send_copy(
        &mut self,
        number: usize,
        speed: Speed,
        shard: Shard,
        entries: Vec<RelayEntry>,
    ) {
        let site = self.relays[number].site;
        let way_ms = self.way_ms(site, site);
        let breaks = self.plan.loss_of_1000;
        let breaks = self.happens(breaks);
        let twice = self.plan.twice_of_1000;
        let twice = self.happens(twice);
        let fence = self.relays[number].pair.fence(shard);
        let relay = &mut self.relays[number];
        let (connection, starts) = (relay.connection, relay.starts);
        let flight = &mut relay.flights[index(speed)];
        flight.next += 1;
        let call = flight.next;
        flight.shards.push_back((call, shard));
        flight.arrives_ms = flight.arrives_ms.max(self.now_ms + way_ms);
        let wait_ms = flight.arrives_ms - self.now_ms;
        flight.dead |= breaks;
        if flight.dead {
            // Done later, if at all, and not answered.
            if self.chance.bool() {
                let late_ms = wait_ms + self.chance.u64(..200);
                let again = entries.clone();
                self.after(late_ms, move |world| {
                    let _ = world.copy_at(number, shard, fence, &again);
                });
            }
            let notices_ms = wait_ms + self.chance.u64(..100);
            return self.after(notices_ms, move |world| {
                world.broke(number, starts, connection)
            });
        }
        if twice {
            // As if another relay that lost its lease sent the same.
            let late_ms = wait_ms + self.chance.u64(..300);
            let again = entries.clone();
            self.after(late_ms, move |world| {
                let _ = world.copy_at(number, shard, fence, &again);
            });
        }
        let reached = entries.last().map(RelayEntry::id).unwrap_or_default();
        self.after(wait_ms, move |world| {
            let answer = world.copy_at(number, shard, fence, &entries);
            let site = world.relays[number].site;
            let back_ms = world.way_ms(site, site);
            let now_ms = world.now_ms;
            let flight = &mut world.relays[number].flights[index(speed)];
            flight.answered_ms = flight.answered_ms.max(now_ms + back_ms);
            let wait_ms = flight.answered_ms - now_ms;
            world.after(wait_ms, move |world| {
                if !world.is_relay(number, starts) || world.relays[number].connection != connection
                {
                    return;
                }
                let trusting = world.plan.breakage == Some(Breakage::CheckpointBeforeApply);
                match answer {
                    Ok(answer) if trusting => {
                        let taken = RelayAnswer {
                            verdict: RelayVerdict::Taken,
                            last: reached,
                            ..answer
                        };
                        world.answered(number, speed, call, shard, Ok(taken));
                    }
                    Err(NoAnswer::Said(_)) if trusting => {
                        let taken = RelayAnswer {
                            verdict: RelayVerdict::Taken,
                            last: reached,
                            appended: 0,
                            repeats: 0,
                            rewound: 0,
                            ahead: 0,
                            unread: 0,
                            told: 0,
                        };
                        world.answered(number, speed, call, shard, Ok(taken));
                    }
                    Ok(answer) => world.answered(number, speed, call, shard, Ok(answer)),
                    Err(NoAnswer::Said(_)) => {
                        world.answered(number, speed, call, shard, Err(Refused::Failed));
                    }
                    Err(NoAnswer::Away) => world.broke(number, starts, connection),
                }
            });
        });
    }

    fn answered(
        &mut self,
        number: usize,
        speed: Speed,
        call: u64,
        shard: Shard,
        answer: Result<RelayAnswer, Refused>,
    ) {
        if let Ok(answer) = &answer {
            self.note(format_args!(
                "relay {number} in {shard}: {:?} to {}, {} new",
                answer.verdict, answer.last, answer.appended
            ));
        }
        let (now_ms, random) = (self.relay_ms(number), self.chance.u64(..));
        let relay = &mut self.relays[number];
        let flight = &mut relay.flights[index(speed)];
        let sent = flight.shards.pop_front();
        if sent != Some((call, shard)) {
            return self.violated(format!(
                "relay {number}: call {call} is answered, not {sent:?}"
            ));
        }
        relay.pair.answered(shard, answer, now_ms, random);
        self.work(number);
    }

    /// A region's Redis ends, and with it its connections.
    pub(in crate::world) fn break_relays(&mut self, site: usize) {
        for number in 0..self.relays.len() {
            let (starts, connection) = (self.relays[number].starts, self.relays[number].connection);
            if self.relays[number].site == site {
                self.relays[number]
                    .flights
                    .iter_mut()
                    .for_each(|flight| flight.dead = true);
                let notices_ms = self.chance.u64(..50);
                self.after(notices_ms, move |world| {
                    world.broke(number, starts, connection)
                });
            }
        }
    }

    /// Connections to the Redis here are new.
    fn broke(&mut self, number: usize, starts: u64, connection: u64) {
        if !self.is_relay(number, starts) || self.relays[number].connection != connection {
            return;
        }
        self.note(format_args!("relay {number} connects anew"));
        let relay = &mut self.relays[number];
        relay.connection += 1;
        relay.flights = Default::default();
        relay.pair.reconnected();
    }

    fn copy_at(
        &mut self,
        number: usize,
        shard: Shard,
        fence: u64,
        entries: &[RelayEntry],
    ) -> Result<RelayAnswer, NoAnswer> {
        let (site, origin) = (self.relays[number].site, self.relays[number].origin);
        self.relay_at(site, origin, shard, fence, entries)
    }
}
