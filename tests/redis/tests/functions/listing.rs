//! `tg_rooms` and `tg_count`: the list of rooms over shards, page by page.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use redis_tests::RedisServer;
use tidegate_stream::calls::{CountRooms, ListRooms, Listed, Place, Reply, Verb};
use tidegate_stream::{Keys, ShardCount};

use crate::site::{Site, command};

fn list(site: &mut Site, namespace: Option<&str>, limit: u32, after: Option<&Place>) -> Listed {
    let list = ListRooms {
        namespace,
        limit,
        after,
    };
    let call = list.call(&site.keys);
    list.answer(&site.call(&call)).unwrap()
}

fn count(site: &mut Site, namespace: &str) -> u64 {
    let count = CountRooms { namespace };
    let call = count.call(&site.keys);
    count.answer(&site.call(&call)).unwrap()
}

/// Every room of a namespace in order, page by page.
fn all(site: &mut Site, namespace: Option<&str>, limit: u32) -> Vec<(u64, String)> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = list(site, namespace, limit, after.as_ref());
        assert!(page.rooms.len() <= limit as usize);
        found.extend(
            page.rooms
                .iter()
                .map(|listed| (listed.online, listed.room.to_string())),
        );
        match page.next {
            None => return found,
            Some(next) => {
                assert_ne!(after.as_ref(), Some(&next), "each page gets on");
                after = Some(next);
            }
        }
    }
}

fn sharded(shards: u16) -> Site {
    let mut site = Site::on(RedisServer::start());
    site.keys = Keys::new("tg", ShardCount::new(shards).unwrap());
    site
}

#[test]
fn rooms_come_by_viewers_with_what_is_known_of_them() {
    let mut site = Site::start();
    site.create("demo.a", &[("title", "A"), ("access", "token")]);
    site.create("demo.b", &[]);
    site.create("other.c", &[]);
    site.create("plain", &[]);
    site.presence("n1", &[("demo.a", 3), ("other.c", 9)]);
    let page = list(&mut site, None, 2, None);
    let names: Vec<&str> = page
        .rooms
        .iter()
        .map(|listed| listed.room.as_str())
        .collect();
    assert_eq!(names, ["other.c", "demo.a"]);
    let a = &page.rooms[1];
    assert_eq!(
        (a.online, &*a.title, a.is_open, &*a.owner),
        (3, "A", false, "alice")
    );
    assert!(a.created_ms > 0 && page.rooms[0].is_open);
    let rest = list(&mut site, None, 2, page.next.as_ref());
    let names: Vec<&str> = rest
        .rooms
        .iter()
        .map(|listed| listed.room.as_str())
        .collect();
    assert_eq!((names, rest.next), (vec!["plain", "demo.b"], None));
    assert_eq!(all(&mut site, Some("demo"), 1).len(), 2);
    assert_eq!(
        all(&mut site, Some("default"), 5),
        [(0, "plain".to_owned())]
    );
    assert_eq!(all(&mut site, Some("nobody"), 5), []);

    assert_eq!(
        (count(&mut site, "demo"), count(&mut site, "default")),
        (2, 1)
    );
    site.control("demo.b", Verb::Close).unwrap();
    assert_eq!(all(&mut site, Some("demo"), 5), [(3, "demo.a".to_owned())]);
    assert_eq!(
        (count(&mut site, "demo"), count(&mut site, "nobody")),
        (1, 0)
    );
    site.control("demo.a", Verb::Close).unwrap();
    let counts = site.keys.namespaces(site.shard());
    assert_eq!(site.ask::<Option<u64>>(&["HGET", &counts, "demo"]), None);
}

#[test]
fn a_rare_namespace_among_many_rooms_is_found_in_bounded_steps() {
    let mut site = sharded(4);
    let shards: Vec<_> = site.keys.shards().all().collect();
    for (i, shard) in shards.into_iter().enumerate() {
        let key = site.keys.rooms(shard);
        let mut fill = redis::pipe();
        for room in 0..700 {
            fill.cmd("ZADD")
                .arg(&key)
                .arg(room)
                .arg(format!("many.{i}-{room}"));
        }
        fill.exec(&mut site.redis).unwrap();
    }
    site.create("rare.one", &[]);
    let first = list(&mut site, Some("rare"), 5, None);
    assert!(
        first.rooms.is_empty() && first.next.is_some(),
        "a look at 1,000 rooms"
    );
    assert_eq!(
        all(&mut site, Some("rare"), 5),
        [(0, "rare.one".to_owned())]
    );
    assert_eq!(all(&mut site, None, 200).len(), 2_801);
}

#[test]
fn every_page_size_shows_every_room_once_and_in_order() {
    let site = RefCell::new(sharded(5));
    let rooms = prop::collection::btree_map("(a|B|b-|b_)[a-cA-C._-]{0,3}", 0u64..4, 0..40);
    let mut runner = TestRunner::new(Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&(rooms, 1u32..7), |(rooms, limit)| {
            let site = &mut *site.borrow_mut();
            command(&["FLUSHDB"]).exec(&mut site.redis).unwrap();
            for (name, online) in &rooms {
                let key = site.keys.rooms(site.keys.shard(&name.parse().unwrap()));
                let _: u64 = site.ask(&["ZADD", &key, &online.to_string(), name]);
            }
            let found = all(site, None, limit);
            let mut expected: Vec<(u64, String)> = rooms
                .into_iter()
                .map(|(name, online)| (online, name))
                .collect();
            expected.sort_by(|a, b| b.cmp(a));
            prop_assert_eq!(found, expected);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_look_that_is_none_is_a_bad_call() {
    let mut site = Site::start();
    for words in [
        &["FCALL_RO", "tg_rooms", "0", "", "5", "0", ""][..],
        &["FCALL_RO", "tg_rooms", "1", "tg:{00}:run", "", "5", "0", ""],
        &[
            "FCALL_RO",
            "tg_rooms",
            "1",
            "tg:{00}:rooms",
            "a.b",
            "5",
            "0",
            "",
        ],
        &[
            "FCALL_RO",
            "tg_rooms",
            "1",
            "tg:{00}:rooms",
            "",
            "201",
            "0",
            "",
        ],
        &[
            "FCALL_RO",
            "tg_rooms",
            "1",
            "tg:{00}:rooms",
            "",
            "5",
            "-1",
            "",
        ],
        &[
            "FCALL_RO",
            "tg_rooms",
            "1",
            "tg:{00}:rooms",
            "",
            "5",
            "0",
            "a b",
        ],
        &["FCALL_RO", "tg_rooms", "1", "tg:{00}:rooms", "", "5"],
        &["FCALL_RO", "tg_count", "1", "tg:{00}:ns", ""],
        &["FCALL_RO", "tg_count", "1", "tg:{00}:rooms", "demo"],
    ] {
        let said: Vec<String> = site.ask(words);
        assert_eq!(said[..2], ["refused", "bad_call"], "{words:?}");
    }
    let call = ListRooms {
        namespace: None,
        limit: 5,
        after: None,
    }
    .call(&site.keys);
    assert_eq!(site.call(&call)[0], Reply::Bytes(b"end".to_vec()));
}
