//! Relays between real Redis servers: what is killed, refused, trimmed or lost on the way.

use std::time::{Duration, Instant};

use e2e::relay::{Place, Relay, Rows, are_same};
use e2e::tls::{Authority, Front};
use e2e::wait::SOON;
use e2e::{Options, System, Viewer, soon, within};
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_stream::calls::{Lasting, Receipt};

fn two() -> (Place, Place, TempDir) {
    let dir = TempDir::new().unwrap();
    (Place::start("eu"), Place::start("us"), dir)
}

const ROOMS: [&str; 5] = ["one", "two", "three", "four", "five"];

fn create_all(place: &mut Place) {
    for room in ROOMS {
        place.create(room, "alice");
    }
}

fn chats(place: &mut Place, from: usize, to: usize) {
    for n in from..to {
        place.chat(ROOMS[n % ROOMS.len()], &n.to_string());
    }
}

fn await_same(eu: &mut Place, us: &mut Place) {
    let origin = eu.region.clone();
    let end = Instant::now() + SOON;
    while !are_same(eu, us, &origin) {
        if Instant::now() > end {
            for shard in eu.keys.shards().all().collect::<Vec<_>>() {
                let (there, here) = (eu.log(shard, &origin), us.log(shard, &origin));
                let tail = |rows: &Rows| rows[rows.len().saturating_sub(3)..].to_vec();
                let (last, copied) = (tail(&there), tail(&here));
                assert!(
                    there == here,
                    "{shard}: {} and {}\n{last:?}\n{copied:?}",
                    there.len(),
                    here.len()
                );
            }
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_relay_that_is_killed_goes_on_where_it_was() {
    let (mut eu, mut us, dir) = two();
    create_all(&mut eu);
    for round in 0..4 {
        let mut relay = Relay::between(dir.path(), "r1", &us, &eu);
        chats(&mut eu, round * 300, round * 300 + 300);
        let origin = eu.region.clone();
        let least = ROOMS.len() + round * 300 + 20;
        soon("some have arrived", || {
            (us.count(&origin) >= least).then_some(())
        });
        chats(&mut eu, 0, 100);
        relay.kill();
    }
    chats(&mut eu, 0, 50);
    let relay = Relay::between(dir.path(), "r1", &us, &eu);
    await_same(&mut eu, &mut us);
    assert_eq!(us.count(&eu.region.clone()), ROOMS.len() + 4 * 400 + 50);
    assert_eq!(relay.metric("gaps_total", "eu"), 0.0);
    assert!(us.join("one", "bob").unwrap().room.is_some());
    assert_eq!(relay.ready().0, 200);
    assert!(relay.ready().1.contains("eu: reached"));
}

#[test]
fn two_relays_for_one_pair_do_no_harm_and_one_stands_in_for_the_other() {
    let (mut eu, mut us, dir) = two();
    create_all(&mut eu);
    let mut first = Relay::between(dir.path(), "r1", &us, &eu);
    first.reaches("leases", "eu", 64.0);
    let mut second = Relay::between(dir.path(), "r2", &us, &eu);
    // Who comes later has it at once.
    second.reaches("leases", "eu", 64.0);
    soon("the first stands by", || {
        (first.metric("leases", "eu") == 0.0).then_some(())
    });
    chats(&mut eu, 0, 500);
    await_same(&mut eu, &mut us);
    second.kill();
    chats(&mut eu, 500, 600);
    first.reaches("leases", "eu", 64.0);
    await_same(&mut eu, &mut us);
    // Leases that are given back are not waited for.
    let mut third = Relay::between(dir.path(), "r3", &us, &eu);
    third.reaches("leases", "eu", 64.0);
    third.stop();
    within(Duration::from_secs(4), "the first has it again", || {
        (first.metric("leases", "eu") == 64.0).then_some(())
    });
    chats(&mut eu, 600, 700);
    await_same(&mut eu, &mut us);
    first.stop();
}

#[test]
fn what_is_refused_for_memory_is_not_lost() {
    let (mut eu, mut us, dir) = two();
    create_all(&mut eu);
    let relay = Relay::between(dir.path(), "r1", &us, &eu);
    await_same(&mut eu, &mut us);
    us.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    chats(&mut eu, 0, 400);
    relay.reaches("refused_total", "eu", 1.0);
    us.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    await_same(&mut eu, &mut us);
    assert_eq!(relay.metric("gaps_total", "eu"), 0.0);
}

#[test]
fn what_was_trimmed_meanwhile_is_a_gap_and_its_state_comes_all_the_same() {
    let (mut eu, mut us, dir) = two();
    eu.create("one", "alice");
    let mut relay = Relay::between(dir.path(), "r1", &us, &eu);
    eu.chat("one", "seen");
    await_same(&mut eu, &mut us);
    relay.kill();
    eu.ban("one", "bob", Lasting::UntilLifted);
    let shard = eu.shard("one");
    let key = eu.keys.log(shard, &eu.region);
    eu.ban("one", "carol", Lasting::UntilLifted);
    eu.ban("one", "dave", Lasting::UntilLifted);
    eu.ask::<()>(&["XTRIM", &key, "MAXLEN", "1"]);
    let relay = Relay::between(dir.path(), "r1", &us, &eu);
    relay.reaches("gaps_total", "eu", 1.0);
    let left = eu.log(shard, &eu.region.clone());
    let origin = eu.region.clone();
    let copied = soon("what is left arrives", || {
        let copied = us.log(shard, &origin);
        (copied.last() == left.last()).then_some(copied)
    });
    let kinds: Vec<&str> = copied
        .iter()
        .map(|(_, fields)| fields[5].as_str())
        .collect();
    assert_eq!(kinds, ["state", "chat", "gap", "ban"]);
    let floor = us.keys.floor(shard, &origin);
    assert_eq!(us.ask::<String>(&["GET", &floor]), copied[2].0);
    // The first ban's entry never came, and it holds.
    assert!(us.join("one", "bob").unwrap().ban_until_ms > 0);
}

#[test]
fn a_region_that_lost_its_tail_takes_it_back() {
    let (mut eu, mut us, dir) = two();
    create_all(&mut eu);
    us.create("six", "carol");
    for place in [&mut eu, &mut us] {
        place.knows("eu", "active");
        place.knows("us", "active");
    }
    let _there = Relay::between(dir.path(), "in-us", &us, &eu);
    let here = Relay::between(dir.path(), "in-eu", &eu, &us);
    chats(&mut eu, 0, 20);
    await_same(&mut eu, &mut us);
    let disk = TempDir::new().unwrap();
    eu.server.copy_data(disk.path());
    chats(&mut eu, 20, 220);
    let lost = eu.publish("one", "with a key", "k1").unwrap();
    await_same(&mut eu, &mut us);

    eu.server.kill();
    eu.server.restore_data(disk.path());
    eu.server.restart();
    eu.reconnect();
    let started = Instant::now();
    // Whoever asks first begins the wait, which the relay ends.
    let origin = eu.region.clone();
    let appended = soon("the region takes messages again", || {
        eu.publish("two", "new", "").ok()
    });
    let waited = started.elapsed();
    assert!(matches!(appended, Receipt::Appended(_)));
    here.reaches("taken_back_total", "us", 1.0);
    assert_eq!(here.metric("left_there_total", "us"), 0.0);
    await_same(&mut eu, &mut us);
    assert_eq!(eu.count(&origin), ROOMS.len() + 222);
    assert_eq!(eu.publish("one", "with a key", "k1").unwrap(), lost);
    println!("the region took messages again after {waited:?}");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
}

#[test]
fn a_region_that_joins_gets_rooms_whose_creation_was_trimmed() {
    let (mut eu, mut us, dir) = two();
    create_all(&mut eu);
    eu.ban("three", "bob", Lasting::UntilLifted);
    eu.chat("one", "gone");
    for shard in eu.keys.shards().all().collect::<Vec<_>>() {
        let key = eu.keys.log(shard, &eu.region);
        eu.ask::<()>(&["XTRIM", &key, "MAXLEN", "0"]);
    }
    let relay = Relay::between(dir.path(), "r1", &us, &eu);
    relay.reaches("merges_total", "eu", 64.0);
    for room in ROOMS {
        assert!(us.join(room, "carol").unwrap().room.is_some(), "{room}");
    }
    assert!(us.join("three", "bob").unwrap().ban_until_ms > 0);
    eu.chat("one", "and on it goes");
    soon("it arrives", || {
        (us.count(&eu.region.clone()) >= 1).then_some(())
    });
}

#[test]
fn a_large_backlog_comes_at_bulk_speed_while_live_goes_on() {
    let (mut eu, mut us, dir) = two();
    create_all(&mut eu);
    let text = "x".repeat(200);
    for n in 0..6_000 {
        eu.chat("one", &format!("{n} {text}"));
    }
    let relay = Relay::between(dir.path(), "r1", &us, &eu);
    await_same(&mut eu, &mut us);
    assert_eq!(relay.metric("gaps_total", "eu"), 0.0);
    soon("it is level", || {
        let level = relay.metric("bulk_shards", "eu")
            + relay.metric("held_entries", "eu")
            + relay.metric("lag_entries", "eu");
        (level == 0.0).then_some(())
    });
    assert_eq!(relay.metric("holes_total", "eu"), 0.0);
}

#[test]
fn it_reads_over_tls_as_a_user_who_may_only_read() {
    let dir = TempDir::new().unwrap();
    let (mut eu, mut us) = (Place::start("eu"), Place::start("us"));
    let user = "ACL SETUSER relay on >secret resetchannels ~tg:* -@all +@read +@connection +info";
    eu.ask::<()>(&user.split(' ').collect::<Vec<_>>());
    create_all(&mut eu);
    let authority = Authority::new(dir.path(), "ca");
    let front = Front::start(
        &authority.certify("localhost"),
        &format!("127.0.0.1:{}", eu.server.port()),
    );
    let ca = authority.file.to_str().unwrap();
    let url = format!("rediss://relay:secret@localhost:{}", front.address.port());
    let from = [("eu", url.as_str())];
    let relay = Relay::with(
        dir.path(),
        "r1",
        "us",
        &us.server.url(),
        &from,
        &["--redis-ca-file", ca],
    );
    chats(&mut eu, 0, 100);
    await_same(&mut eu, &mut us);
    assert_eq!(relay.metric("breaks_total", "eu"), 0.0);
    // Without the authority nothing is believed, and it says so.
    let other = Place::start("ap");
    let mistrusting = Relay::start(dir.path(), "r2", "ap", &other.server.url(), &from);
    mistrusting.reaches("breaks_total", "eu", 1.0);
    soon("it says why", || {
        mistrusting
            .log()
            .to_lowercase()
            .contains("certificate")
            .then_some(())
    });
    assert_eq!(mistrusting.ready().0, 200);
    assert!(mistrusting.ready().1.contains("eu: away"));
    assert!(!mistrusting.log().contains("secret"));
}

#[test]
fn what_cannot_be_relayed_is_said() {
    let (eu, us, dir) = two();
    let mut eu = eu;
    eu.ask::<()>(&["HSET", "tg:layout", "shards", "32"]);
    let relay = Relay::between(dir.path(), "r1", &us, &eu);
    soon("it says why", || {
        relay
            .log()
            .contains("32 shards and this region 64")
            .then_some(())
    });
    assert!(relay.metric("breaks_total", "eu") >= 1.0);
}

fn region(name: &'static str) -> System {
    System::with(
        1,
        Options {
            variables: vec![("region", name.to_owned())],
            node_flags: vec!["--region", name],
            ..Options::default()
        },
    )
}

fn relay_between(
    dir: &TempDir,
    name: &str,
    here: (&str, &System),
    there: (&str, &System),
) -> Relay {
    let from = [(there.0, &*there.1.redis.url())];
    Relay::start(dir.path(), name, here.0, &here.1.redis.url(), &from)
}

fn say_active(system: &System, names: &[&str]) {
    let mut redis = system.redis();
    for name in names {
        let line = json!({"state":"active","edge":format!("http://{name}"),"socket":format!("ws://{name}"),"stamp":format!("1.{name}")});
        redis::cmd("HSET")
            .arg(&["tg:regions", name, &line.to_string()])
            .exec(&mut redis)
            .unwrap();
    }
}

fn token(subject: &str, scope: &str) -> String {
    e2e::token::token(subject, scope)
}

#[test]
fn a_ban_in_one_region_takes_effect_in_the_other() {
    let dir = TempDir::new().unwrap();
    let (eu, us) = (region("eu"), region("us"));
    eu.room("demo");
    us.room("elsewhere");
    let _to_us = relay_between(&dir, "in-us", ("us", &us), ("eu", &eu));
    let to_eu = relay_between(&dir, "in-eu", ("eu", &eu), ("us", &us));
    // Said in one, known in both.
    say_active(&eu, &["eu", "us"]);
    let mut redis = us.redis();
    soon("the regions are known there", || {
        let known: usize = redis::cmd("HLEN")
            .arg("tg:regions")
            .query(&mut redis)
            .unwrap();
        (known == 2).then_some(())
    });
    soon("the nodes are known there", || {
        let known: usize = redis::cmd("HLEN")
            .arg("tg:nodes:eu")
            .query(&mut redis)
            .unwrap();
        (known == 1).then_some(())
    });
    soon("the room is there", || {
        let reply = us.edge.call("GET", "/v1/rooms/demo", "", &Value::Null);
        (reply.status == 200).then_some(())
    });

    let mut viewer: Viewer = us.viewer(0, "demo", "bob");
    eu.edge
        .publish(
            "demo",
            &token("alice", "publish"),
            "k1",
            &json!({"kind":"chat","data":{"text":"over there"}}),
        )
        .expect(202);
    // The node may have learned of the other region just now, and shows what it says of the room first.
    let message = soon("the message from over there", || {
        let frame = viewer.frame_within(Duration::from_millis(50)).unwrap()?;
        let messages = frame["messages"].as_array()?.clone();
        messages.into_iter().find(|one| one["kind"] == "chat")
    });
    assert_eq!(message["data"]["text"], "over there", "{message}");
    assert!(message["id"].as_str().unwrap().starts_with("eu-"));

    eu.edge
        .call(
            "PUT",
            "/v1/rooms/demo/bans/bob",
            &token("boss", "moderate"),
            &json!({}),
        )
        .expect(204);
    let refused = soon("the ban is there", || {
        let body = json!({"kind":"chat","data":{"text":"hello"}});
        let reply = us.edge.publish("demo", &token("bob", "publish"), "", &body);
        (reply.status == 403).then_some(reply)
    });
    assert_eq!(refused.status, 403);
    assert_eq!(to_eu.metric("gaps_total", "us"), 0.0);
    // And on the open socket: the room ends for him.
    soon("the socket's room ends", || {
        match viewer.frame_within(Duration::from_millis(50)) {
            Ok(Some(frame)) => (frame["type"] == "error" && frame["room"] == "demo").then_some(()),
            Ok(None) => None,
            Err(_) => Some(()),
        }
    });
}
