//! A Redis that went back: no id is given twice, and other regions get their time to give back what it lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tidegate_stream::StreamId;
use tidegate_stream::calls::{CallError, Clock, Fault, Refusal, Verb, Version, Whole};

use crate::site::{Message, Site, assert_log_chain, soon, subject};

/// Some messages, some of them shadowed; their ids.
fn busy(site: &mut Site, count: usize) -> Vec<StreamId> {
    (0..count)
        .map(|n| {
            let message = Message::chat("demo", &n.to_string());
            let message = if n % 3 == 0 {
                message.shadow()
            } else {
                message
            };
            site.append(&message).id.id
        })
        .collect()
}

#[test]
fn a_lost_tail_and_a_clock_set_back_give_no_id_twice() {
    let mut site = Site::with_clock();
    site.create("demo", &[]);
    let mut all = busy(&mut site, 30);
    Clock::answer(&site.call(&Clock::call(&site.keys))).unwrap();
    let copy = tempfile::TempDir::new().unwrap();
    site.server.copy_data(copy.path());
    all.extend(busy(&mut site, 30));
    let lost = site.log().len();

    site.server.kill();
    site.server.restore_data(copy.path());
    site.server.set_clock("-3600");
    site.restart();
    assert!(site.log().len() < lost, "the tail is lost");
    let greatest = *all.iter().max().unwrap();
    let after = busy(&mut site, 30);
    assert!(after.iter().all(|&id| id > greatest));
    all.extend(after);
    // A second time, with nothing lost, and the clock still behind.
    site.restart();
    all.extend(busy(&mut site, 30));

    let distinct: BTreeSet<_> = all.iter().copied().collect();
    assert_eq!(distinct.len(), all.len());
    assert!(all.is_sorted());
    assert_log_chain(&site.log());
}

#[test]
fn two_crashes_that_take_back_the_same_moments_give_no_id_twice() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let mut all = busy(&mut site, 10);
    let copy = tempfile::TempDir::new().unwrap();
    site.server.copy_data(copy.path());
    site.restart();
    all.extend(busy(&mut site, 10));
    // A replica that had nothing of that run takes its place.
    site.server.kill();
    site.server.restore_data(copy.path());
    site.restart();
    all.extend(busy(&mut site, 10));
    assert!(
        all.windows(2).all(|pair| pair[0] < pair[1]),
        "an id was given twice: {all:?}"
    );
    assert_log_chain(&site.log());
}

#[test]
fn functions_survive_a_restart() {
    let mut site = Site::start();
    site.create("demo", &[]);
    site.server.stop();
    site.restart();
    assert!(Version::answer(&site.call(&Version::call())).is_ok());
    site.append(&Message::chat("demo", "still here"));
    site.ask::<()>(&["FUNCTION", "FLUSH"]);
    let error = site.try_call(&Version::call()).unwrap_err();
    assert_eq!(Fault::of(&error.to_string()), Fault::NoLibrary);
}

fn is_recovering<T: std::fmt::Debug>(result: Result<T, CallError>) -> bool {
    match result {
        Ok(_) => false,
        Err(CallError::Refused(Refusal::Recovering { seconds: 1 })) => true,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn with_another_active_region_a_new_run_waits_three_seconds() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let message = Message::chat("demo", "before").key("k1");
    let first = site.publish(&message).unwrap();
    site.regions(&[("us", "active")]);
    site.restart();
    let started = Instant::now();
    let log = site.log();
    assert!(is_recovering(site.publish(&Message::chat("demo", "hello"))));
    assert!(is_recovering(site.publish(&Message::like("demo"))));
    assert!(is_recovering(site.flush()));
    let who = subject("bob");
    assert!(is_recovering(
        site.control("demo", Verb::Kick { user: &who })
    ));
    assert_eq!(site.log(), log);
    // What needs no append is answered.
    assert_eq!(site.publish(&message), Ok(first));
    assert!(site.join("demo", "bob").is_ok());

    let appended = soon("the wait is over", || {
        let result = site.publish(&Message::chat("demo", "hello"));
        (!is_recovering(result.clone())).then(|| result.unwrap())
    });
    let waited = started.elapsed();
    assert!(waited >= Duration::from_millis(2_900), "{waited:?}");
    assert!(waited <= Duration::from_secs(6), "{waited:?}");
    drop(appended);
    assert_log_chain(&site.log());
}

#[test]
fn the_wait_is_over_when_the_shard_is_whole() {
    let mut site = Site::start();
    site.create("demo", &[]);
    site.regions(&[("us", "active")]);
    site.restart();
    assert!(is_recovering(site.publish(&Message::chat("demo", "hello"))));
    let call = Whole::call(&site.keys, site.shard(), &[]);
    Whole::answer(&site.call(&call)).unwrap();
    site.append(&Message::chat("demo", "hello"));
    // It held for that run only.
    site.restart();
    assert!(is_recovering(site.publish(&Message::chat("demo", "hello"))));
}

#[test]
fn nobody_waits_for_regions_that_are_not_active() {
    let mut site = Site::start();
    site.create("demo", &[]);
    site.regions(&[("us", "joining"), ("ap", "retired"), ("eu", "active")]);
    let regions = site.keys.regions();
    site.ask::<()>(&["HSET", &regions, "odd", "not JSON"]);
    site.restart();
    site.append(&Message::chat("demo", "hello"));
}

#[test]
fn a_clock_that_steps_back_ends_the_wait() {
    let mut site = Site::with_clock();
    site.create("demo", &[]);
    site.regions(&[("us", "active")]);
    site.restart();
    assert!(is_recovering(site.publish(&Message::chat("demo", "hello"))));
    site.server.set_clock("-3600");
    site.append(&Message::chat("demo", "hello"));
}

#[test]
fn the_clock_key_only_rises() {
    let mut site = Site::with_clock();
    let call = Clock::call(&site.keys);
    let key = site.keys.clock();
    site.server.set_clock("1800000000");
    assert_eq!(Clock::answer(&site.call(&call)), Ok(1_800_000_000_000));
    site.server.set_clock("1700000000");
    assert_eq!(Clock::answer(&site.call(&call)), Ok(1_700_000_000_000));
    assert_eq!(site.ask::<u64>(&["GET", &key]), 1_800_000_000_000);
    // Ids of a new run are above it.
    site.create("demo", &[]);
    assert!(site.log()[0].id.ms >= 1_800_000_060_000);
}
