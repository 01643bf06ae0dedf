//! How long the decision over so many policies takes, without Redis.
//!
//! `cargo bench -p tidegate-limit [-- --json]`
//!
//! Each policy has a state of its own, and every call is allowed, so that all of them are counted.

use std::hint::black_box;
use std::time::Instant;

use tidegate_limit::Policy;
use tidegate_limit::gcra::decide;

/// Turns of each; the median counts.
const TURNS: usize = 11;
/// Policies that are decided in a turn, whatever a decision has of them.
const DECIDED: usize = 2_000_000;
/// Some moment, in us since the epoch.
const NOW_US: u64 = 1_732_400_000_000_000;

fn main() {
    let as_json = std::env::args().any(|argument| argument == "--json");
    let rows = [1, 10, 100].map(|policies| (policies, median(policies)));
    if as_json {
        let rows = rows.map(|(policies, ns)| {
            format!(
                r#"{{"case":"policies_{policies}","subject":"tidegate","value":{ns:.1},"unit":"ns"}}"#
            )
        });
        println!(r#"{{"bench":"limit","rows":[{}]}}"#, rows.join(","));
        return;
    }
    println!("{:>8}{:>8}", "policies", "ns");
    for (policies, ns) in rows {
        println!("{policies:>8}{ns:>8.0}");
    }
}

fn median(policies: usize) -> f64 {
    let mut turns: Vec<f64> = (0..TURNS).map(|_| time(policies)).collect();
    turns.sort_by(f64::total_cmp);
    turns[TURNS / 2]
}

/// Nanoseconds for one decision.
fn time(policies: usize) -> f64 {
    let numbers = Policy::new(1_000, 1_000, 1_000)
        .and_then(|policy| policy.numbers(1))
        .expect("the policy is one");
    let mut asked: Vec<_> = (0..policies).map(|_| (numbers, NOW_US)).collect();
    let calls = DECIDED / policies;
    let (mut now_us, begun) = (NOW_US, Instant::now());
    for _ in 0..calls {
        // As fast as units come back.
        now_us += numbers.emission_us;
        let decision = decide(now_us, black_box(&asked));
        assert!(decision.verdict.allowed);
        for ((_, arrival_us), after_us) in asked.iter_mut().zip(decision.arrivals_us) {
            *arrival_us = after_us;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 ns")]
    let ns = begun.elapsed().as_nanos() as f64 / calls as f64;
    ns
}
