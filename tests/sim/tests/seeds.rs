//! Seeds in which nothing may be violated, and that the same seed is the same world.

use sim::Plan;

/// Seeds of one test.
const SEEDS: u64 = 250;

fn hold(part: u64) {
    let (tally, broken) = sim::sweep(part * SEEDS..(part + 1) * SEEDS);
    for report in &broken {
        eprintln!("{report}");
    }
    assert!(broken.is_empty(), "{} seeds of {SEEDS}", broken.len());
    // None of it says anything unless it happens.
    for (name, count) in tally.fields() {
        assert!(count > 0, "{name} never happened in {SEEDS} seeds");
    }
}

#[test]
fn seeds_0() {
    hold(0);
}

#[test]
fn seeds_1() {
    hold(1);
}

#[test]
fn seeds_2() {
    hold(2);
}

#[test]
fn seeds_3() {
    hold(3);
}

#[test]
fn seeds_4() {
    hold(4);
}

#[test]
fn seeds_5() {
    hold(5);
}

#[test]
fn seeds_6() {
    hold(6);
}

#[test]
fn seeds_7() {
    hold(7);
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let mut hashes = Vec::new();
    for seed in 0..20 {
        let one = sim::run(Plan::of(seed), true);
        let other = sim::run(Plan::of(seed), false);
        assert_eq!(one.hash, other.hash, "seed {seed}");
        assert!(one.log.len() > 50, "seed {seed}: {} lines", one.log.len());
        hashes.push(one.hash);
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 20, "each seed is another world");
}
