//! What breaks.

use super::World;
use super::site::run_name;
use crate::plan::Fault;

impl World {
    pub(super) fn strike(&mut self, fault: Fault) {
        if self.calm {
            return;
        }
        self.note(format_args!("{fault:?}"));
        match fault {
            Fault::Crash {
                site,
                down_ms,
                lost_of_1000,
            } => {
                // `appendfsync everysec`: what is younger than a second may not be on disk.
                let since_ms = self.now_ms.saturating_sub(1_000);
                let young = self.sites[site].store.steps_since(since_ms);
                let lost = young * lost_of_1000 as usize / 1_000;
                self.stop_redis(site, down_ms, lost);
            }
            Fault::Promote {
                site,
                down_ms,
                behind_ms,
            } => {
                let since_ms = self.now_ms.saturating_sub(behind_ms);
                let lost = self.sites[site].store.steps_since(since_ms);
                self.stop_redis(site, down_ms, lost);
            }
            Fault::Full { site, for_ms } => {
                self.sites[site].store.set_full(true);
                self.after(for_ms, move |world| world.sites[site].store.set_full(false));
            }
            Fault::Skew { site, skew_ms } => self.sites[site].skew_ms = skew_ms,
            Fault::NodeRestart { node, down_ms } => {
                if self.nodes[node].up {
                    self.stop_node(node);
                    self.after(down_ms, move |world| world.start_node(node));
                }
            }
            Fault::Partition { one, other, for_ms } => {
                let pair = (one.min(other), one.max(other));
                if one != other && self.partitions.insert(pair) {
                    self.after(for_ms, move |world| {
                        world.partitions.remove(&pair);
                    });
                }
            }
            Fault::RelayRestart { relay, down_ms } => {
                let count = self.relays.len().max(1);
                let number = relay % count;
                if self.relays.get(number).is_some_and(|relay| relay.up) {
                    self.relays[number].up = false;
                    self.after(down_ms, move |world| world.start_relay(number));
                }
            }
        }
    }

    fn stop_redis(&mut self, site: usize, down_ms: u64, lost: usize) {
        if !self.sites[site].up {
            return;
        }
        self.tally.restarts += 1;
        let this = &mut self.sites[site];
        this.up = false;
        this.runs += 1;
        let run = run_name(site, this.runs);
        let gone = this.store.restart(&run, lost);
        self.ledger.rolled_back(site, &gone);
        self.note(format_args!(
            "Redis {site} stops; {lost} writes and {} entries are gone",
            gone.len()
        ));
        self.break_relays(site);
        self.after(down_ms, move |world| {
            world.sites[site].up = true;
            world.note(format_args!("Redis {site} is back"));
        });
    }
}
