//! Which promises each drill holds its report to; `docs/operations.md` says them in words.

use crate::outage::Cost;
use crate::report::Report;
use crate::script::Drill;

/// A newcomer's answer is right after this, ms, with checks every 5 s.
pub const DNS_MS: u64 = 15_000;

/// After a fail-over publishing is back, and nodes are listed again, after this, ms.
pub const FAILOVER_MS: u64 = 5_000;

/// What a drill allows.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// Messages that a crash of Redis may lose.
    pub lost: u64,
    /// How long connected viewers may need, ms.
    pub reading_again_ms: u64,
}

/// The promises that a report breaks, each in a sentence.
pub fn broken(report: &Report, allowed: Allowed) -> Vec<String> {
    let mut broken = Vec::new();
    let mut hold = |kept: bool, sentence: String| {
        if !kept {
            broken.push(sentence);
        }
    };
    hold(
        report.acknowledged > 0,
        "nothing was acknowledged, so nothing was tested".to_owned(),
    );
    let lost = report.lost;
    hold(
        lost <= allowed.lost,
        format!(
            "{lost} acknowledged messages are missing; {} may be",
            allowed.lost
        ),
    );
    for (count, what) in [
        (report.repeated, "deliveries came twice"),
        (report.reordered, "deliveries came out of order"),
        (report.resets, "times a viewer lost its place in history"),
        (report.ids_twice, "ids were given twice"),
        (report.dns_wrong, "answers led newcomers to a dead region"),
        (
            report.not_ready,
            "times a living region said that it cannot serve",
        ),
        (
            report.vanished,
            "acknowledged messages are missing from their region's log, though nothing was at stake when it took them",
        ),
        (
            report.unsaid,
            "messages that their region has did not reach a viewer who was not told so",
        ),
    ] {
        hold(count == 0, format!("{count} {what}"));
    }
    if moves_viewers(report.drill) {
        let figures = report.reading_again_ms;
        hold(
            figures.is_some(),
            "no viewer lost its socket, so moving was not tested".to_owned(),
        );
        let p99 = figures.map_or(0, |figures| figures.p99);
        let most = allowed.reading_again_ms;
        hold(
            p99 <= most,
            format!("viewers read again after {p99} ms (p99); {most} ms are promised"),
        );
    }
    if report.drill == Drill::RegionLoss {
        hold(
            report.dns_right_ms.is_some_and(|ms| ms <= DNS_MS),
            match report.dns_right_ms {
                Some(ms) => {
                    format!("newcomers were led right after {ms} ms; {DNS_MS} ms are promised")
                }
                None => "newcomers were never led right".to_owned(),
            },
        );
    }
    if matches!(report.drill, Drill::RedisRestart | Drill::Failover) {
        hold(
            !report.outages.is_empty(),
            "no Redis failed, so nothing was tested".to_owned(),
        );
    }
    for cost in &report.outages {
        for (kept, sentence) in of_outage(report.drill, cost) {
            hold(kept, sentence);
        }
    }
    hold(
        report.same_after_ms.is_some(),
        "regions did not come to hold the same in time".to_owned(),
    );
    for what in &report.different {
        hold(false, what.clone());
    }
    broken
}

/// What is promised of one failure.
fn of_outage(drill: Drill, cost: &Cost) -> Vec<(bool, String)> {
    let Cost {
        region, away_ms, ..
    } = cost;
    let after = match drill {
        Drill::Failover => format!("after the fail-over in {region}"),
        _ => format!("after {away_ms} ms without a Redis in {region}"),
    };
    let mut held = vec![(
        cost.elsewhere == 0,
        format!(
            "{after} {} of {} acknowledged messages did not come back that another region has",
            cost.elsewhere, cost.at_stake
        ),
    )];
    if drill == Drill::Failover {
        for (time, back, never) in [
            (
                cost.publishing_back_ms,
                "publishing was back",
                "publishing was never back",
            ),
            (
                cost.listed_ms,
                "all nodes were listed and ready",
                "not all nodes were listed and ready again",
            ),
        ] {
            let most = FAILOVER_MS;
            let sentence = match time {
                Some(ms) => format!("{after} {back} after {ms} ms; {most} ms are promised"),
                None => format!("{after} {never}"),
            };
            held.push((time.is_some_and(|ms| ms <= most), sentence));
        }
        held.push((
            cost.reconnects == 0,
            format!("{after} {} sockets were lost", cost.reconnects),
        ));
    }
    held
}

/// Whether a drill makes viewers move.
fn moves_viewers(drill: Drill) -> bool {
    matches!(drill, Drill::RegionLoss | Drill::Heal | Drill::Rolling)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;
    use crate::ledger::Balance;
    use crate::report::Seen;

    const ALLOWED: Allowed = Allowed {
        lost: 0,
        reading_again_ms: 1_000,
    };

    fn good() -> Report {
        let balance = Balance {
            acknowledged: 10,
            ..Balance::default()
        };
        let seen = Seen {
            reading_again_ms: Some(Figures {
                count: 5,
                p50: 100,
                p99: 400,
                max: 400,
            }),
            dns_right_ms: Some(9_000),
            same_after_ms: Some(50),
            ..Seen::default()
        };
        Report::new(Drill::RegionLoss, 5, &balance, seen)
    }

    #[test]
    fn a_good_report_breaks_none() {
        assert_eq!(broken(&good(), ALLOWED), Vec::<String>::new());
    }

    #[test]
    fn each_promise_can_be_broken() {
        type Change = fn(&mut Report);
        let cases: [(Change, &str); 12] = [
            (|report| report.acknowledged = 0, "nothing was acknowledged"),
            (
                |report| report.lost = 1,
                "1 acknowledged messages are missing",
            ),
            (|report| report.repeated = 2, "2 deliveries came twice"),
            (|report| report.reordered = 3, "out of order"),
            (|report| report.resets = 1, "place in history"),
            (|report| report.ids_twice = 1, "given twice"),
            (|report| report.dns_wrong = 1, "dead region"),
            (|report| report.not_ready = 1, "cannot serve"),
            (
                |report| report.reading_again_ms = None,
                "moving was not tested",
            ),
            (|report| report.dns_right_ms = Some(15_001), "15001 ms"),
            (|report| report.same_after_ms = None, "in time"),
            (
                |report| report.different.push("bans of x".into()),
                "bans of x",
            ),
        ];
        for (change, words) in cases {
            let mut report = good();
            change(&mut report);
            let broken = broken(&report, ALLOWED);
            assert!(broken.len() == 1 && broken[0].contains(words), "{broken:?}");
        }
        let mut slow = good();
        slow.reading_again_ms = slow.reading_again_ms.map(|f| Figures { p99: 1_001, ..f });
        assert!(broken(&slow, ALLOWED)[0].contains("1001 ms (p99)"));
    }

    #[test]
    fn what_a_crash_may_lose_is_allowed() {
        let mut report = good();
        report.lost = 50;
        let allowed = Allowed {
            lost: 50,
            ..ALLOWED
        };
        assert!(broken(&report, allowed).is_empty());
        assert_eq!(broken(&report, ALLOWED).len(), 1);
    }

    #[test]
    fn what_a_failure_of_redis_may_not_cost() {
        let cost = || Cost {
            region: "east".into(),
            away_ms: 500,
            publishing_back_ms: Some(3_200),
            listed_ms: Some(2_000),
            reconnects: 0,
            at_stake: 50,
            kept: 49,
            elsewhere: 0,
            gone: 1,
            lacked: 1,
            taken_back: 60,
            left_there: 0,
        };
        type Change = fn(&mut Cost);
        let cases: [(Change, &str); 4] = [
            (|cost| cost.elsewhere = 3, "3 of 50 acknowledged messages"),
            (|cost| cost.publishing_back_ms = Some(5_001), "5001 ms"),
            (|cost| cost.listed_ms = None, "not all nodes"),
            (|cost| cost.reconnects = 7, "7 sockets"),
        ];
        for drill in [Drill::Failover, Drill::RedisRestart] {
            let mut report = good();
            report.drill = drill;
            assert!(broken(&report, ALLOWED)[0].contains("no Redis failed"));
            report.outages = vec![cost()];
            assert_eq!(broken(&report, ALLOWED), Vec::<String>::new());
            for (number, (change, words)) in cases.iter().enumerate() {
                let mut cost = cost();
                change(&mut cost);
                report.outages = vec![cost];
                let broken = broken(&report, ALLOWED);
                // How fast, and whose sockets stay, is a fail-over's promise alone: without a Redis viewers go elsewhere.
                match drill == Drill::Failover || number == 0 {
                    true => assert!(broken.len() == 1 && broken[0].contains(words), "{broken:?}"),
                    false => assert!(broken.is_empty(), "{broken:?}"),
                }
            }
        }
        for (change, words) in [
            (
                (|report| report.vanished = 2) as fn(&mut Report),
                "2 acknowledged messages are missing from their",
            ),
            (
                |report| report.unsaid = 4,
                "4 messages that their region has",
            ),
        ] {
            let mut report = good();
            change(&mut report);
            assert!(broken(&report, ALLOWED)[0].contains(words));
        }
    }
}
