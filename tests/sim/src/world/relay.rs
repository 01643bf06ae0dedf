//! A relay: the real decisions of `crates/relay`, and connections that break in the middle.
//!
//! What was sent on a connection that broke may still be done, later than what is sent on the next one.

mod flight;

use tidegate_relay::limits::LEASE_MS;
use tidegate_relay::{Pair, ReadPlan, Speed, Todo};
use tidegate_stream::calls::{Gap, Lease, Merge};
use tidegate_stream::{NodeName, Shard};

use self::flight::{Flight, index};
use super::World;
use super::copies::Rooms;
use super::site::NoAnswer;
use super::takeback::TakingBack;

/// How often a relay looks whether there is something to do, ms; it also does so after each answer.
const LOOK_MS: u64 = 50;
/// A read that brought nothing is made again after so long at the latest: at the source it would block meanwhile.
const IDLE_MS: u64 = 40;
/// How often the source is asked for its nodes, ms.
const SOURCE_MS: u64 = 1_000;

pub(super) struct Relay {
    /// Where it copies to.
    pub(super) site: usize,
    /// Where it copies from.
    pub(super) origin: usize,
    holder: NodeName,
    pub(super) up: bool,
    pub(super) starts: u64,
    pair: Pair,
    /// Connections so far to the Redis here.
    connection: u64,
    flights: [Flight; 2],
    idle_until_ms: [u64; 2],
    pub(super) taking: TakingBack,
    /// Its clock is so far ahead of the world's.
    pub(super) ahead_ms: u64,
}

impl World {
    pub(super) fn add_relay(&mut self, site: usize, origin: usize, index: usize) {
        let number = self.relays.len();
        self.relays.push(Relay {
            site,
            origin,
            holder: format!("relay-{index}").parse().expect("that is a name"),
            up: false,
            starts: 0,
            pair: Pair::new(self.keys.shards()),
            connection: 0,
            flights: Default::default(),
            idle_until_ms: [0; 2],
            taking: TakingBack::default(),
            ahead_ms: 0,
        });
        self.start_relay(number);
        let offset_ms = self.chance.u64(..LOOK_MS);
        self.after(offset_ms, move |world| world.look_at_relay(number));
        self.after(offset_ms, move |world| world.look_at_source(number));
    }

    pub(super) fn start_relay(&mut self, number: usize) {
        let pair = Pair::new(self.keys.shards());
        let relay = &mut self.relays[number];
        relay.up = true;
        relay.starts += 1;
        relay.pair = pair;
        relay.connection += 1;
        relay.flights = Default::default();
        relay.idle_until_ms = [0; 2];
        relay.taking = TakingBack::default();
    }

    fn look_at_relay(&mut self, number: usize) {
        // At rest there is less to see.
        let look_ms = if self.calm { 2 * LOOK_MS } else { LOOK_MS };
        self.after(look_ms, move |world| world.look_at_relay(number));
        if self.relays[number].up {
            self.work(number);
            self.take_back(number);
        }
    }

    fn relay_ms(&self, number: usize) -> u64 {
        self.now_ms + self.relays[number].ahead_ms
    }

    pub(super) fn is_relay(&self, number: usize, starts: u64) -> bool {
        self.relays[number].up && self.relays[number].starts == starts
    }

    /// Asks one of both Redis, and goes on if the relay still runs.
    pub(super) fn ask_for_relay<T: 'static>(
        &mut self,
        number: usize,
        to: usize,
        work: impl FnOnce(&mut Self) -> Result<T, NoAnswer> + 'static,
        then: impl FnOnce(&mut Self, Result<T, NoAnswer>) + 'static,
    ) {
        let site = self.relays[number].site;
        let starts = self.relays[number].starts;
        self.visit(site, to, work, move |world, answer| {
            if world.is_relay(number, starts) {
                then(world, answer.unwrap_or(Err(NoAnswer::Away)));
            }
        });
    }

    /// Everything that can be done now.
    fn work(&mut self, number: usize) {
        let now_ms = self.relay_ms(number);
        for (shard, verb) in self.relays[number].pair.lease_verbs(now_ms) {
            let relay = &self.relays[number];
            let (site, origin, holder) = (relay.site, relay.origin, relay.holder.clone());
            self.ask_for_relay(
                number,
                site,
                move |world| {
                    let origin = world.sites[origin].name.clone();
                    let lease = Lease {
                        origin: &origin,
                        shard,
                        holder: &holder,
                        verb,
                        lasting_ms: LEASE_MS,
                    };
                    let call = lease.call(&world.keys);
                    Ok(Lease::answer(&world.call_at(site, &call)?))
                },
                move |world, answer| {
                    if let Ok(Ok(leased)) = answer {
                        world.relays[number].pair.leased(shard, leased);
                        world.work(number);
                    }
                },
            );
        }
        while let Some((shard, todo)) = self.relays[number].pair.todo(now_ms) {
            self.do_todo(number, shard, todo);
        }
        for speed in [Speed::Live, Speed::Bulk] {
            if now_ms >= self.relays[number].idle_until_ms[index(speed)]
                && let Some(plan) = self.relays[number].pair.plan_read(speed, now_ms)
            {
                self.read_source(number, plan);
            }
            while let Some((shard, entries)) = self.relays[number].pair.next_call(speed) {
                self.send_copy(number, speed, shard, entries);
            }
        }
    }

    /// Once a second a relay reads at its source which nodes there are: so it knows whether it reaches the source, also
    /// while another one has the lease.
    fn look_at_source(&mut self, number: usize) {
        self.after(SOURCE_MS, move |world| world.look_at_source(number));
        if !self.relays[number].up {
            return;
        }
        let origin = self.relays[number].origin;
        self.ask_for_relay(
            number,
            origin,
            move |world| world.ask_at(origin, &["TIME"]),
            move |world, answer| {
                if answer.is_ok() {
                    let now_ms = world.relay_ms(number);
                    world.relays[number].pair.source_answered(now_ms);
                }
            },
        );
    }

    fn do_todo(&mut self, number: usize, shard: Shard, todo: Todo) {
        let (site, origin) = (self.relays[number].site, self.relays[number].origin);
        match todo {
            Todo::Position => self.ask_for_relay(
                number,
                site,
                move |world| world.last_at(site, shard, origin),
                move |world, answer| {
                    let (now_ms, random) = (world.relay_ms(number), world.chance.u64(..));
                    let pair = &mut world.relays[number].pair;
                    match answer {
                        Ok(last) => pair.positioned(shard, last, now_ms, random),
                        Err(_) => pair.todo_failed(shard, todo, now_ms, random),
                    }
                    world.work(number);
                },
            ),
            Todo::Merge => self.ask_for_relay(
                number,
                origin,
                move |world| world.rooms_at(origin, shard),
                move |world, answer| match answer {
                    Ok(rooms) => world.merge_here(number, shard, rooms),
                    Err(_) => world.merge_failed(number, shard),
                },
            ),
            Todo::Gap { last, upto } => {
                let fence = self.relays[number].pair.fence(shard);
                self.ask_for_relay(
                    number,
                    site,
                    move |world| {
                        let (here, there) = (
                            world.sites[site].name.clone(),
                            world.sites[origin].name.clone(),
                        );
                        let gap = Gap {
                            region: &here,
                            origin: &there,
                            shard,
                            fence,
                            last,
                            upto,
                        };
                        let call = gap.call(&world.keys, &world.plan.bounds);
                        Ok(Gap::answer(&world.call_at(site, &call)?))
                    },
                    move |world, answer| {
                        match answer {
                            Ok(Ok((verdict, last))) => {
                                world.note(format_args!(
                                    "relay {number}: gap up to {upto} in {shard}: {verdict:?}"
                                ));
                                world.relays[number].pair.gapped(shard, verdict, last);
                            }
                            Ok(Err(error)) => world.violated(format!("a gap: {error}")),
                            Err(_) => {
                                let (now_ms, random) =
                                    (world.relay_ms(number), world.chance.u64(..));
                                let pair = &mut world.relays[number].pair;
                                pair.todo_failed(shard, todo, now_ms, random);
                            }
                        }
                        world.work(number);
                    },
                );
            }
        }
    }

    fn merge_failed(&mut self, number: usize, shard: Shard) {
        let (now_ms, random) = (self.relay_ms(number), self.chance.u64(..));
        let pair = &mut self.relays[number].pair;
        pair.todo_failed(shard, Todo::Merge, now_ms, random);
    }

    fn merge_here(&mut self, number: usize, shard: Shard, rooms: Rooms) {
        let (site, origin) = (self.relays[number].site, self.relays[number].origin);
        self.ask_for_relay(
            number,
            site,
            move |world| {
                let (here, there) = (
                    world.sites[site].name.clone(),
                    world.sites[origin].name.clone(),
                );
                let mut all = true;
                for (room, parts) in &rooms {
                    let merge = Merge {
                        region: &here,
                        origin: &there,
                        room,
                        parts,
                    };
                    let call = merge.call(&world.keys, &world.plan.bounds);
                    match Merge::answer(&world.call_at(site, &call)?) {
                        Ok(answer) => all &= answer.taken,
                        Err(error) => world.violated(format!("a merge: {error}")),
                    }
                }
                Ok(all)
            },
            move |world, answer| {
                if answer == Ok(true) {
                    world.note(format_args!("relay {number} has merged {shard}"));
                    let (now_ms, random) = (world.relay_ms(number), world.chance.u64(..));
                    world.relays[number].pair.merged(shard, now_ms, random);
                } else {
                    world.merge_failed(number, shard);
                }
                world.work(number);
            },
        );
    }

    fn read_source(&mut self, number: usize, plan: ReadPlan) {
        let origin = self.relays[number].origin;
        let asked = plan.clone();
        self.ask_for_relay(
            number,
            origin,
            move |world| world.entries_at(origin, origin, &asked.shards, asked.count),
            move |world, answer| {
                let now_ms = world.relay_ms(number);
                match answer {
                    Ok(brought) => {
                        let idle_ms = if world.calm { 3 * IDLE_MS } else { IDLE_MS };
                        let nothing = brought.iter().all(|(_, entries)| entries.is_empty());
                        let relay = &mut world.relays[number];
                        relay.idle_until_ms[index(plan.speed)] =
                            if nothing { now_ms + idle_ms } else { 0 };
                        relay.pair.source_answered(now_ms);
                        relay.pair.read(&plan, brought);
                    }
                    Err(_) => {
                        let relay = &mut world.relays[number];
                        relay.idle_until_ms[index(plan.speed)] = now_ms + 2 * IDLE_MS;
                        relay.pair.read_failed(plan.speed);
                    }
                }
                world.work(number);
            },
        );
    }
}
