//! What is broken on purpose is found: a simulation that finds nothing would be as green.

use sim::{Breakage, Plan};
use tidegate_stream::calls::SOURCE;

/// Within so many seeds.
const SEEDS: u64 = 250;

/// A world of the function library with one place changed.
fn library_is_found_out(what: &str, from: &str, to: &str) {
    assert!(SOURCE.contains(from), "{what}: the library has no {from:?}");
    let broken = SOURCE.replace(from, to);
    let found = sim::run_broken(&broken, (0..SEEDS).map(Plan::of)).unwrap();
    let report = found.unwrap_or_else(|| panic!("{what}: not found in {SEEDS} seeds"));
    println!("{what}: {report}");
}

fn world_is_found_out(breakage: Breakage) {
    let found = (0..SEEDS)
        .map(|seed| {
            let mut plan = Plan::of(seed);
            plan.breakage = Some(breakage);
            sim::run(plan, false)
        })
        .find(|report| report.broken.is_some());
    let report = found.unwrap_or_else(|| panic!("{breakage:?}: not found in {SEEDS} seeds"));
    println!("{breakage:?}: {report}");
}

#[test]
fn a_relay_that_does_not_look_for_holes() {
    library_is_found_out(
        "skip by id alone",
        "if previous and is_above(previous, last) then",
        "if false then",
    );
}

#[test]
fn a_relay_that_tells_no_keys() {
    library_is_found_out(
        "keys are not told",
        "if room and entry.once ~= '' then",
        "if false then",
    );
}

#[test]
fn a_key_that_is_forgotten() {
    library_is_found_out(
        "keys are forgotten",
        "  if once then\n    return repeated(once, hash)",
        "  if false then\n    return repeated(once, hash)",
    );
}

#[test]
fn a_reader_that_takes_what_is_left_for_all() {
    library_is_found_out(
        "no look for holes in history",
        "return is_above(stored_id(entry_field(first[2], 'rp')), after)",
        "return false",
    );
}

#[test]
fn ids_that_do_not_jump() {
    library_is_found_out("no jump", "local JUMP_MS = 60000", "local JUMP_MS = 0");
}

#[test]
fn ids_that_jump_from_what_is_left() {
    library_is_found_out(
        "a jump from the ids alone",
        "if at_ms and at_ms <= shard.now_ms and base.ms < clock_ms + JUMP_MS then",
        "if false then",
    );
}

#[test]
fn an_entry_that_does_not_name_the_one_before_in_its_room() {
    library_is_found_out(
        "no rp",
        "local rp = stream and stream.last.text or '0-0'",
        "local rp = '0-0'",
    );
}

#[test]
fn a_ban_that_holds_by_its_arrival() {
    library_is_found_out(
        "the last ban to arrive",
        "if (current and not is_later(stamp, current)) or over_ms",
        "if over_ms",
    );
}

#[test]
fn a_gap_that_is_not_remembered() {
    library_is_found_out(
        "no floor",
        "redis.call('SET', here.base .. ':floor:' .. here.origin, id.text)\n  redis.call('XADD'",
        "redis.call('XADD'",
    );
}

#[test]
fn a_hub_that_is_handed_the_wrong_position() {
    world_is_found_out(Breakage::HubAheadOfTail);
}

#[test]
fn a_hub_that_is_not_told_what_it_missed() {
    world_is_found_out(Breakage::MissedUntold);
}

#[test]
fn a_cursor_of_one_number() {
    world_is_found_out(Breakage::CursorByMaximum);
}

#[test]
fn a_relay_that_takes_sent_for_copied() {
    world_is_found_out(Breakage::CheckpointBeforeApply);
}
