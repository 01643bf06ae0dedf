//! Likes and presence: totals, never differences.

use std::collections::BTreeMap;

use tidegate_stream::calls::{Receipt, Verb};
use tidegate_stream::{Entry, Kind};

use crate::site::{Message, Site, assert_log_chain, room, soon};

fn of_kind(site: &mut Site, kind: Kind) -> Vec<Entry> {
    let log = site.log();
    assert_log_chain(&log);
    log.into_iter().filter(|entry| entry.kind == kind).collect()
}

fn totals(site: &mut Site) -> Vec<String> {
    of_kind(site, Kind::Likes)
        .into_iter()
        .map(|entry| entry.data)
        .collect()
}

fn like(site: &mut Site) -> u64 {
    match site.publish(&Message::like("demo")) {
        Ok(Receipt::Counted { total }) => total,
        other => panic!("a like is counted: {other:?}"),
    }
}

#[test]
fn likes_are_told_at_most_every_200_ms_and_the_rest_by_flush() {
    let mut site = Site::with_clock();
    site.server.set_clock("1800000000");
    site.create("demo", &[]);
    for expected in 1..=10 {
        assert_eq!(like(&mut site), expected);
    }
    // The clock stands still: only the first was told, and nothing is due yet.
    assert_eq!(totals(&mut site), ["1"]);
    assert_eq!(site.flush(), Ok(0));
    site.server.set_clock("1800000001");
    assert_eq!(site.flush(), Ok(1));
    assert_eq!(totals(&mut site), ["1", "10"]);
    assert_eq!(like(&mut site), 11);
    site.server.set_clock("1800000002");
    assert_eq!(like(&mut site), 12);
    assert_eq!(totals(&mut site), ["1", "10", "12"]);
    let rows = site.keys.likes_appended(site.shard());
    assert_eq!(site.ask::<u64>(&["HLEN", &rows]), 1);
    site.server.set_clock("1800000003");
    assert_eq!(site.flush(), Ok(0));
    // What has nothing new is forgotten, and the next like is told at once.
    assert_eq!(site.ask::<u64>(&["HLEN", &rows]), 0);
    assert_eq!(like(&mut site), 13);
    assert_eq!(totals(&mut site), ["1", "10", "12", "13"]);
    let entry = of_kind(&mut site, Kind::Likes).pop().unwrap();
    assert_eq!(entry.room, Some(room("demo")));
    assert_eq!(entry.room_previous, tidegate_stream::StreamId::ZERO);
    assert_eq!(site.join("demo", "bob").unwrap().likes, 13);
}

#[test]
fn likes_go_on_when_the_clock_is_set_back() {
    let mut site = Site::with_clock();
    site.create("demo", &[]);
    like(&mut site);
    site.server.set_clock("-3600");
    like(&mut site);
    assert_eq!(totals(&mut site), ["1", "2"]);
}

#[test]
fn likes_of_all_origins_are_summed_for_who_joins() {
    let mut site = Site::start();
    site.regions(&[("us", "joining"), ("old", "retired")]);
    site.create("demo", &[]);
    like(&mut site);
    for (name, total) in [("us", "40"), ("old", "2")] {
        let key = site.keys.likes(&room("demo"), &crate::site::region(name));
        site.ask::<()>(&["SET", &key, total]);
    }
    assert_eq!(site.join("demo", "bob").unwrap().likes, 43);
}

#[test]
fn many_rooms_are_flushed_in_turns() {
    let mut site = Site::start();
    let rows = site.keys.likes_appended(site.shard());
    for n in 0..620 {
        let name = format!("room-{n}");
        let key = site.keys.likes(&room(&name), &site.region);
        site.ask::<()>(&["SET", &key, "2"]);
        site.ask::<()>(&["HSET", &rows, &name, "1 5"]);
    }
    assert_eq!(site.flush(), Ok(500));
    soon("all are flushed", || {
        site.flush().unwrap();
        (totals(&mut site).len() == 620).then_some(())
    });
}

fn presence_data(entry: &Entry) -> BTreeMap<String, u64> {
    serde_json::from_str(&entry.data).unwrap()
}

#[test]
fn viewers_are_summed_over_nodes_until_they_lapse() {
    let mut site = Site::with_clock();
    site.create("demo", &[]);
    site.create("other", &[]);
    site.presence(
        "n1",
        &[("demo", 3), ("other", 1), ("nowhere", 9), ("~bob", 1)],
    )
    .unwrap();
    let entry = of_kind(&mut site, Kind::Presence).pop().unwrap();
    assert_eq!((entry.room.as_ref(), entry.sub.as_str()), (None, "n1"));
    assert_eq!(
        presence_data(&entry),
        BTreeMap::from([("demo".into(), 3), ("other".into(), 1)])
    );
    site.server.set_clock("+20");
    site.presence("n2", &[("demo", 4)]).unwrap();
    assert_eq!(site.join("demo", "bob").unwrap().online, 7);
    let rooms = site.keys.rooms(site.shard());
    assert_eq!(
        site.ask::<Option<f64>>(&["ZSCORE", &rooms, "demo"]),
        Some(7.0)
    );
    let nowhere = site.keys.online(&room("nowhere"));
    assert_eq!(site.ask::<u64>(&["EXISTS", &nowhere]), 0);

    // The first node is heard of no more.
    site.server.set_clock("+31");
    assert_eq!(site.join("demo", "bob").unwrap().online, 4);
    site.presence("n2", &[("demo", 5)]).unwrap();
    let online = site.keys.online(&room("demo"));
    assert_eq!(site.ask::<Vec<String>>(&["HKEYS", &online]), ["eu/n2"]);
    // Nobody reports the other room any more, yet its place is mended.
    assert_eq!(
        site.ask::<Option<f64>>(&["ZSCORE", &rooms, "other"]),
        Some(0.0)
    );
    site.server.set_clock("+100");
    assert_eq!(site.join("demo", "bob").unwrap().online, 0);
    assert_eq!(site.ask::<u64>(&["EXISTS", &online]), 0);
}

#[test]
fn a_count_of_none_is_told_too() {
    let mut site = Site::start();
    site.create("demo", &[]);
    site.presence("n1", &[("demo", 3)]);
    site.presence("n1", &[("demo", 0)]);
    let entries = of_kind(&mut site, Kind::Presence);
    assert_eq!(
        presence_data(&entries[1]),
        BTreeMap::from([("demo".into(), 0)])
    );
    assert_eq!(site.join("demo", "bob").unwrap().online, 0);
}

#[test]
fn without_an_open_room_nothing_is_appended() {
    let mut site = Site::start();
    site.create("demo", &[]);
    site.control("demo", Verb::Close).unwrap();
    let length = site.log().len();
    assert_eq!(site.presence("n1", &[("demo", 1), ("other", 2)]), None);
    assert_eq!(site.log().len(), length);
    let rooms = site.keys.rooms(site.shard());
    assert_eq!(site.ask::<u64>(&["ZCARD", &rooms]), 0);
}
