//! A region that was started anew takes back what another region has of its log.

use std::collections::BTreeMap;

use tidegate_relay::{Step, TakeBack};
use tidegate_stream::Shard;
use tidegate_stream::calls::{MOST_RELAYED, Whole};

use super::World;
use super::site::NoAnswer;

/// What a relay takes back for its own region, from the region that it copies from.
#[derive(Default)]
pub(super) struct TakingBack {
    /// The run of the Redis here that it knows of.
    run: Option<String>,
    shards: BTreeMap<Shard, (TakeBack, bool)>,
    asked_ms: Option<u64>,
}

/// How often a relay looks whether the Redis here is another run, ms.
const LOOK_MS: u64 = 200;

impl World {
    /// Looks whether the Redis here was started anew, and goes on with what is to be taken back.
    pub(super) fn take_back(&mut self, number: usize) {
        let site = self.relays[number].site;
        let asked_ms = self.relays[number].taking.asked_ms;
        if asked_ms.is_none_or(|at_ms| self.now_ms >= at_ms + LOOK_MS) {
            self.relays[number].taking.asked_ms = Some(self.now_ms);
            self.ask_for_relay(
                number,
                site,
                move |world| {
                    world.ask_at(site, &["TIME"])?;
                    Ok(world.sites[site].store.run().to_owned())
                },
                move |world, answer| {
                    let shards: Vec<Shard> = world.keys.shards().all().collect();
                    let taking = &mut world.relays[number].taking;
                    if let Ok(run) = answer
                        && taking.run.as_ref() != Some(&run)
                    {
                        taking.run = Some(run);
                        taking.shards = shards
                            .into_iter()
                            .map(|shard| (shard, (TakeBack::default(), false)))
                            .collect();
                        world.go_on_taking(number);
                    }
                },
            );
        }
        self.go_on_taking(number);
    }

    fn go_on_taking(&mut self, number: usize) {
        let idle: Vec<(Shard, Step)> = self.relays[number]
            .taking
            .shards
            .iter_mut()
            .filter(|(_, (take, busy))| !*busy && take.step() != Step::Done)
            .map(|(shard, (take, busy))| {
                *busy = true;
                (*shard, take.step())
            })
            .collect();
        for (shard, step) in idle {
            self.take_step(number, shard, step);
        }
    }

    fn take_step(&mut self, number: usize, shard: Shard, step: Step) {
        let (site, origin) = (self.relays[number].site, self.relays[number].origin);
        match step {
            Step::Position => self.ask_for_relay(
                number,
                site,
                move |world| world.last_at(site, shard, site),
                move |world, answer| {
                    world.took(number, shard, answer, |take, last| take.positioned(last));
                },
            ),
            Step::Read(after) => self.ask_for_relay(
                number,
                origin,
                move |world| world.entries_at(origin, site, &[(shard, after)], MOST_RELAYED),
                move |world, answer| {
                    world.took(number, shard, answer, |take, brought| {
                        take.read(
                            brought
                                .into_iter()
                                .flat_map(|(_, entries)| entries)
                                .collect(),
                        );
                    });
                },
            ),
            Step::Apply(entries) => self.ask_for_relay(
                number,
                site,
                move |world| world.relay_at(site, site, shard, 0, &entries),
                move |world, answer| {
                    world.took(number, shard, answer, |take, answer| take.applied(&answer));
                },
            ),
            Step::Whole => self.ask_for_relay(
                number,
                site,
                move |world| {
                    let other = world.sites[origin].name.clone();
                    let call = Whole::call(&world.keys, shard, &[other]);
                    Ok(Whole::answer(&world.call_at(site, &call)?))
                },
                move |world, answer| {
                    world.note(format_args!("relay {number}: {shard} is whole: {answer:?}"));
                    world.took(number, shard, answer, |take, _| take.whole());
                },
            ),
            Step::Done => {}
        }
    }

    fn took<T>(
        &mut self,
        number: usize,
        shard: Shard,
        answer: Result<T, NoAnswer>,
        what: impl FnOnce(&mut TakeBack, T),
    ) {
        let Some((take, busy)) = self.relays[number].taking.shards.get_mut(&shard) else {
            return;
        };
        *busy = false;
        match answer {
            Ok(answer) => {
                what(take, answer);
                self.go_on_taking(number);
            }
            // Looked at again soon.
            Err(_) => take.failed(),
        }
    }
}
