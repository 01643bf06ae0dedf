//! When this region's Redis is away and another region lives, viewers are sent there (design: a node whose Redis has not
//! answered for 5 s).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_room::endpoint::Crowd;
use tidegate_stream::Region;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::node::{CoreHandle, Node, ToCore};

/// A Redis that has not answered for so long is away, ms.
const AWAY_MS: u64 = 5_000;
/// From when on the other regions are asked, ms, so that it is known in time which of them live.
const ASK_MS: u64 = 2_000;
/// How long a region that answered 200 counts as living, ms.
const LIVING_MS: u64 = 5_000;
/// Over how long viewers are sent away, ms. Whoever has come meanwhile is sent in the next round.
pub const SPREAD_MS: u64 = 5_000;
const EVERY: Duration = Duration::from_millis(500);

/// What was heard of the other regions.
#[derive(Debug, Default)]
struct Heard {
    /// When each last answered 200, ms of the node's clock.
    ready_ms: BTreeMap<Region, u64>,
    /// Asked, and not answered yet.
    asked: BTreeSet<Region>,
    /// When the round under way began, ms.
    round_ms: Option<u64>,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing.
    Rest,
    /// Redis is back: nobody is sent away any more.
    Stay,
    /// Send the viewers to these regions.
    Move(BTreeSet<Region>),
}

impl Heard {
    fn step(&mut self, silent_ms: u64, now_ms: u64) -> Step {
        if silent_ms < AWAY_MS {
            return match self.round_ms.take() {
                Some(_) => Step::Stay,
                None => Step::Rest,
            };
        }
        let under_way = self
            .round_ms
            .is_some_and(|begun_ms| now_ms < begun_ms + SPREAD_MS);
        self.ready_ms
            .retain(|_, ready_ms| *ready_ms + LIVING_MS >= now_ms);
        if under_way || self.ready_ms.is_empty() {
            return Step::Rest;
        }
        self.round_ms = Some(now_ms);
        Step::Move(self.ready_ms.keys().cloned().collect())
    }
}

/// Watches until it is dropped.
pub async fn watch(node: Arc<Node>, cores: Vec<CoreHandle>) {
    let (answers, mut answered) = mpsc::unbounded_channel();
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Heard::default();
    let tell = |word: &ToCore| {
        for core in &cores {
            // One that has ended has no viewers.
            let _ = core.sender.send(word.clone());
        }
    };
    loop {
        tokio::select! {
            _ = every.tick() => {}
            Some((region, ready)) = answered.recv() => {
                heard.asked.remove(&region);
                if ready {
                    heard.ready_ms.insert(region, node.clock.now_ms());
                }
            }
        }
        let now_ms = node.clock.now_ms();
        let silent_ms = now_ms.saturating_sub(node.answered_ms.load(Ordering::Relaxed));
        if silent_ms >= ASK_MS {
            ask(&node, &mut heard, &answers);
        }
        match heard.step(silent_ms, now_ms) {
            Step::Rest => {}
            Step::Stay => {
                tracing::info!("Redis answers again: viewers stay");
                tell(&ToCore::Stay);
            }
            Step::Move(living) => {
                let turns = node.places_now().abroad(&living);
                if turns.clone().next_list(Crowd::Anybody).is_empty() {
                    // Living, but without a socket that anybody knows of.
                    continue;
                }
                let names: Vec<&str> = living.iter().map(Region::as_str).collect();
                tracing::warn!(
                    silent_ms,
                    regions = names.join(" "),
                    "Redis does not answer: viewers are sent to other regions"
                );
                tell(&ToCore::Move(turns));
            }
        }
    }
}

/// Asks each region that is not being asked: never more than one question at once for each.
fn ask(node: &Node, heard: &mut Heard, answers: &mpsc::UnboundedSender<(Region, bool)>) {
    for place in node.places_now().others() {
        if place.edge.is_empty() || !heard.asked.insert(place.region.clone()) {
            continue;
        }
        let (region, edge) = (place.region.clone(), place.edge.clone());
        let (answers, probe) = (answers.clone(), node.probe.clone());
        tokio::spawn(async move {
            let ready = probe.is_ready(&edge).await;
            if let Err(error) = &ready {
                tracing::debug!(%error, %region, "another region does not answer");
            }
            // A moment between two questions.
            tokio::time::sleep(EVERY).await;
            let _ = answers.send((region, ready.unwrap_or(false)));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        name.parse().unwrap()
    }

    #[test]
    fn viewers_move_when_redis_is_silent_and_another_region_lives() {
        let mut heard = Heard::default();
        assert_eq!(heard.step(60_000, 60_000), Step::Rest, "nobody lives");
        heard.ready_ms.insert(region("us"), 60_100);
        heard.ready_ms.insert(region("ap"), 55_000);
        assert_eq!(heard.step(4_999, 60_200), Step::Rest, "not away yet");
        let us = BTreeSet::from([region("us")]);
        assert_eq!(heard.step(5_000, 60_200), Step::Move(us.clone()));
        heard.ready_ms.insert(region("us"), 65_100);
        assert_eq!(heard.step(9_999, 65_199), Step::Rest, "under way");
        assert_eq!(heard.step(10_000, 65_200), Step::Move(us), "again");
        assert_eq!(heard.step(15_001, 70_201), Step::Rest, "it lives no more");
        assert_eq!(heard.step(0, 70_300), Step::Stay);
        assert_eq!(heard.step(0, 70_400), Step::Rest);
    }
}
