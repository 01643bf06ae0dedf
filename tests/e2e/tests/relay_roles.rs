//! A Redis that changes its role under a relay: the one it writes to, and the one it reads from.

use std::net::SocketAddr;

use e2e::forwarder::Forwarder;
use e2e::names::{NAME, Names};
use e2e::relay::{Place, Relay, are_same};
use e2e::replicas::{FIRST, SECOND, ask, fail_over, follow, pair, promote, readers};
use e2e::soon;
use redis_tests::RedisServer;
use tempfile::TempDir;

const ROOM: &str = "one";

/// A place on the first of two, and the second.
fn replicated(region: &str) -> (Place, RedisServer) {
    let (first, second) = pair(&[]);
    (Place::on(region, first), second)
}

fn url(place: &Place) -> String {
    format!("redis://{NAME}:{}", place.server.port())
}

/// From now on the place is on the other of the two.
fn change(place: &mut Place, second: RedisServer) -> RedisServer {
    let first = std::mem::replace(&mut place.server, second);
    place.reconnect();
    first
}

fn await_same(eu: &mut Place, us: &mut Place) {
    let origin = eu.region.clone();
    soon("the other region has all", || {
        are_same(eu, us, &origin).then_some(())
    });
}

fn await_ready(relay: &Relay, wanted: u16) {
    soon("the relay says whether it is ready", || {
        (relay.ready().0 == wanted).then_some(())
    });
}

fn chats(place: &mut Place, from: usize) {
    for n in from..from + 50 {
        place.chat(ROOM, &n.to_string());
    }
}

#[test]
fn the_redis_that_is_written_to_may_be_another_one_from_now_on() {
    let dir = TempDir::new().unwrap();
    let mut eu = Place::start("eu");
    let (mut us, second) = replicated("us");
    let names = Names::new(FIRST);
    let from = [("eu", &*eu.server.url())];
    let relay = Relay::named(&names, dir.path(), "r1", "us", &url(&us), &from);
    eu.create(ROOM, "alice");
    chats(&mut eu, 0);
    await_same(&mut eu, &mut us);
    await_ready(&relay, 200);

    promote(&second, &us.server);
    ask::<()>(&us.server, &["REPLICAOF", "127.0.0.1", "1"]);
    chats(&mut eu, 50);
    await_ready(&relay, 503);
    names.lead_to(SECOND);
    let first = change(&mut us, second);
    await_same(&mut eu, &mut us);
    await_ready(&relay, 200);
    assert!(relay.ready().1.contains("eu: reached"));

    // And back, in step.
    follow(&first, &us.server);
    fail_over(&us.server, &first);
    names.lead_to(FIRST);
    change(&mut us, first);
    chats(&mut eu, 100);
    await_same(&mut eu, &mut us);
    await_ready(&relay, 200);
    assert_eq!(relay.metric("gaps_total", "eu"), 0.0);
    assert_eq!(us.count(&eu.region.clone()), 151);
}

#[test]
fn the_redis_that_is_read_from_may_be_another_one_from_now_on() {
    let dir = TempDir::new().unwrap();
    let (mut eu, second) = replicated("eu");
    let mut us = Place::start("us");
    let names = Names::new(FIRST);
    let from = url(&eu);
    let relay = Relay::named(
        &names,
        dir.path(),
        "r1",
        "us",
        &us.server.url(),
        &[("eu", &*from)],
    );
    eu.create(ROOM, "alice");
    chats(&mut eu, 0);
    await_same(&mut eu, &mut us);

    // The old primary is not even demoted: it answers whoever asks it, and nothing new comes to it.
    promote(&second, &eu.server);
    names.lead_to(SECOND);
    let first = change(&mut eu, second);
    chats(&mut eu, 50);
    await_same(&mut eu, &mut us);
    soon("nobody reads from the old one", || {
        (readers(&first) == 0).then_some(())
    });
    assert_eq!(relay.metric("gaps_total", "eu"), 0.0);
    assert_eq!(us.count(&eu.region.clone()), 101);
}

#[test]
fn ways_that_forget_their_connections_are_taken_anew() {
    let dir = TempDir::new().unwrap();
    let (mut eu, eu_second) = replicated("eu");
    let (mut us, us_second) = replicated("us");
    let to = |server: &RedisServer| SocketAddr::from((server.address(), server.port()));
    let (there, here) = (Forwarder::to(to(&eu.server)), Forwarder::to(to(&us.server)));
    let from = there.url();
    let relay = Relay::start(dir.path(), "r1", "us", &here.url(), &[("eu", &*from)]);
    eu.create(ROOM, "alice");
    chats(&mut eu, 0);
    await_same(&mut eu, &mut us);

    promote(&eu_second, &eu.server);
    there.move_and_forget(to(&eu_second));
    change(&mut eu, eu_second);
    chats(&mut eu, 50);
    await_same(&mut eu, &mut us);

    promote(&us_second, &us.server);
    here.move_and_forget(to(&us_second));
    change(&mut us, us_second);
    chats(&mut eu, 100);
    await_same(&mut eu, &mut us);
    await_ready(&relay, 200);
    assert_eq!(us.count(&eu.region.clone()), 151);
}

#[test]
fn a_redis_that_lost_its_functions_is_given_them_again() {
    let dir = TempDir::new().unwrap();
    let (mut eu, mut us) = (Place::start("eu"), Place::start("us"));
    let relay = Relay::between(dir.path(), "r1", &us, &eu);
    eu.create(ROOM, "alice");
    await_same(&mut eu, &mut us);
    us.ask::<()>(&["FUNCTION", "FLUSH"]);
    chats(&mut eu, 0);
    await_same(&mut eu, &mut us);
    await_ready(&relay, 200);
}

#[test]
fn a_redis_that_loads_its_data_is_waited_for() {
    let dir = TempDir::new().unwrap();
    let slow = [
        ("key-load-delay", "1000"),
        ("loading-process-events-interval-bytes", "1024"),
    ];
    let mut eu = Place::start("eu");
    let mut us = Place::on("us", RedisServer::with(&slow));
    let relay = Relay::between(dir.path(), "r1", &us, &eu);
    eu.create(ROOM, "alice");
    chats(&mut eu, 0);
    await_same(&mut eu, &mut us);
    e2e::replicas::fill_and_rewrite(&us.server);
    us.server.restart_loading();
    chats(&mut eu, 50);
    await_ready(&relay, 503);
    soon("it has loaded", || (!us.server.is_loading()).then_some(()));
    us.reconnect();
    await_same(&mut eu, &mut us);
    await_ready(&relay, 200);
}
