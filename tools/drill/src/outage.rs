//! A region's Redis that fails: how long publishers and nodes are without one, and what becomes of what it had acknowledged.

use serde::Serialize;

use crate::ledger::Acknowledged;

/// Where an acknowledged message lies in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// In the log of the region that took it.
    Kept,
    /// In another region's copy of that log only.
    Elsewhere,
    /// Nowhere.
    Gone,
}

/// What a relay counts of its own region's tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TakenBack {
    /// Entries that came back from other regions.
    pub back: u64,
    /// Entries that stay there only.
    pub left: u64,
}

/// One failure, as it goes on. Times are ms since the drill began.
#[derive(Debug, Clone)]
pub struct Outage {
    /// Whose Redis.
    pub region: String,
    /// For how long there was to be none, ms.
    pub away_ms: u64,
    /// From when on what was taken may be lost.
    pub from_ms: u64,
    /// When it fell.
    pub fallen_ms: Option<u64>,
    /// When a Redis served again: nothing that was taken later is at stake.
    pub serving_ms: Option<u64>,
    /// When all nodes were listed anew and ready.
    pub listed_ms: Option<u64>,
    /// What the relay had counted before.
    pub taken_back: TakenBack,
    /// Viewers' sockets that had been lost before.
    pub sockets_lost: u64,
}

/// What it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Whose Redis.
    pub region: String,
    /// For how long there was to be none, ms.
    pub away_ms: u64,
    /// The longest time without an acknowledgement in this region from the failure on, ms.
    pub publishing_back_ms: Option<u64>,
    /// From the failure until every node had written itself into the list again, and nodes and edge were ready, ms.
    pub listed_ms: Option<u64>,
    /// Viewers' sockets that were lost.
    pub reconnects: u64,
    /// Messages acknowledged while they could be lost.
    pub at_stake: u64,
    /// Of these, those that the region's own log has in the end.
    pub kept: u64,
    /// Those that another region's copy has, and the own log has not.
    pub elsewhere: u64,
    /// Those that are in no Redis.
    pub gone: u64,
    /// Those that a viewer lacks, whatever the reason.
    pub lacked: u64,
    /// Entries of any kind that the region's relay took back.
    pub taken_back: u64,
    /// Entries of any kind that it counted as too late.
    pub left_there: u64,
}

/// A message that was acknowledged, and what became of it.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// The message.
    pub message: &'a Acknowledged,
    /// Where it lies.
    pub fate: Fate,
    /// Whether a viewer of its room lacks it.
    pub is_lacked: bool,
}

impl Outage {
    /// Whether what was acknowledged then may be lost.
    fn stakes(&self, message: &Acknowledged) -> bool {
        message.id.origin.as_str() == self.region
            && message.at_ms >= self.from_ms
            && self
                .serving_ms
                .is_none_or(|serving| message.at_ms <= serving)
    }

    /// What it cost, up to `end_ms`, the beginning of the next one or the end of the drill.
    pub fn cost(
        &self,
        all: &[Entry<'_>],
        end_ms: u64,
        taken_back: TakenBack,
        sockets_lost: u64,
    ) -> Cost {
        let staked = || all.iter().filter(|entry| self.stakes(entry.message));
        let fate = |fate| staked().filter(|entry| entry.fate == fate).count() as u64;
        Cost {
            region: self.region.clone(),
            away_ms: self.away_ms,
            publishing_back_ms: (self.fallen_ms)
                .and_then(|fallen| self.silence(all, fallen, end_ms)),
            listed_ms: (self.listed_ms.zip(self.fallen_ms))
                .map(|(listed, fallen)| listed.saturating_sub(fallen)),
            reconnects: sockets_lost.saturating_sub(self.sockets_lost),
            at_stake: staked().count() as u64,
            kept: fate(Fate::Kept),
            elsewhere: fate(Fate::Elsewhere),
            gone: fate(Fate::Gone),
            lacked: staked().filter(|entry| entry.is_lacked).count() as u64,
            taken_back: taken_back.back.saturating_sub(self.taken_back.back),
            left_there: taken_back.left.saturating_sub(self.taken_back.left),
        }
    }

    /// The longest time without an acknowledgement; none when there was never one again.
    fn silence(&self, all: &[Entry<'_>], fallen_ms: u64, end_ms: u64) -> Option<u64> {
        let mut times: Vec<u64> = (all.iter())
            .map(|entry| entry.message)
            .filter(|message| message.id.origin.as_str() == self.region)
            .map(|message| message.at_ms)
            .filter(|at_ms| (fallen_ms..end_ms).contains(at_ms))
            .collect();
        times.sort_unstable();
        let mut longest = None;
        let mut before = fallen_ms;
        for at_ms in times {
            longest = longest.max(Some(at_ms - before));
            before = at_ms;
        }
        longest
    }
}

/// Messages that a region took, that it should have, and that its log lacks: nothing was at stake when it took them.
pub fn vanished(outages: &[Outage], all: &[Entry<'_>]) -> u64 {
    let unstaked = |entry: &&Entry<'_>| {
        entry.fate != Fate::Kept && !outages.iter().any(|outage| outage.stakes(entry.message))
    };
    all.iter().filter(unstaked).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage() -> Outage {
        Outage {
            region: "east".into(),
            away_ms: 500,
            from_ms: 1_000,
            fallen_ms: Some(2_000),
            serving_ms: Some(2_500),
            listed_ms: Some(3_100),
            taken_back: TakenBack { back: 5, left: 1 },
            sockets_lost: 2,
        }
    }

    fn message(origin: &str, at_ms: u64) -> Acknowledged {
        Acknowledged {
            room: 0,
            id: format!("{origin}-{at_ms}-0").parse().unwrap(),
            at_ms,
        }
    }

    #[test]
    fn what_was_taken_before_a_failure_is_told_by_where_it_lies() {
        let messages = [
            ("east", 900, Fate::Kept, false),
            ("east", 1_100, Fate::Kept, false),
            ("east", 1_200, Fate::Elsewhere, true),
            ("east", 1_300, Fate::Gone, true),
            ("west", 1_300, Fate::Kept, false),
            ("east", 4_000, Fate::Kept, false),
            ("east", 4_100, Fate::Kept, false),
        ]
        .map(|(origin, at_ms, fate, is_lacked)| (message(origin, at_ms), fate, is_lacked));
        let all: Vec<_> = (messages.iter())
            .map(|(message, fate, is_lacked)| Entry {
                message,
                fate: *fate,
                is_lacked: *is_lacked,
            })
            .collect();
        let cost = outage().cost(&all, 9_000, TakenBack { back: 12, left: 1 }, 2);
        let counts = [
            cost.at_stake,
            cost.kept,
            cost.elsewhere,
            cost.gone,
            cost.lacked,
        ];
        assert_eq!(counts, [3, 1, 1, 1, 2]);
        assert_eq!(
            (cost.taken_back, cost.left_there, cost.reconnects),
            (7, 0, 0)
        );
        assert_eq!(
            (cost.publishing_back_ms, cost.listed_ms),
            (Some(2_000), Some(1_100))
        );
        assert_eq!(vanished(&[outage()], &all), 0);
        assert_eq!(vanished(&[], &all), 2);
    }

    #[test]
    fn whoever_is_never_back_has_no_time() {
        let taken = message("east", 1_500);
        let all = [Entry {
            message: &taken,
            fate: Fate::Kept,
            is_lacked: false,
        }];
        let outage = Outage {
            listed_ms: None,
            ..outage()
        };
        let cost = outage.cost(&all, 9_000, TakenBack::default(), 9);
        assert_eq!((cost.publishing_back_ms, cost.listed_ms), (None, None));
        assert_eq!((cost.reconnects, cost.taken_back), (7, 0));
    }
}
