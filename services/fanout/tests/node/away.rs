//! Redis goes away and comes back: sockets stay open, nothing is lost, and nobody starts anything anew.

use crate::bench::{Bench, Node, Viewer, get, soon, ticket};

#[test]
fn everything_goes_on_when_redis_is_back() {
    let mut bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    bench.room("b");
    let mut viewer = Viewer::connect(&node);
    viewer.subscribe("a", "bob", None);
    bench.redis.stop();
    soon("the node is not ready", || {
        (get(&node.admin, "/readyz", &[]).status == 503).then_some(())
    });
    let outside = get(&node.viewers, "/readyz", &[]);
    assert_eq!(
        (outside.status, outside.body.as_str()),
        (503, "Redis is away\n")
    );
    assert_eq!(get(&node.admin, "/healthz", &[]).status, 200);
    viewer.ask("b", &ticket("b", "bob"), None);
    assert_eq!(viewer.next_of("error")["code"], "try_again");
    // Who comes now is greeted as well: the node knows where `!all` stands.
    Viewer::connect(&node);
    bench.redis.restart();
    let said: Vec<_> = (0..10).map(|n| bench.say("a", &n.to_string())).collect();
    assert_eq!(viewer.messages(10).0, said);
    soon("the node is ready", || {
        (get(&node.admin, "/readyz", &[]).status == 200).then_some(())
    });
    // As the error said: again, with the same cursor.
    soon("the other room is there", || {
        (viewer.subscribe("b", "bob", None)["type"] == "batch").then_some(())
    });
}

#[test]
fn a_node_may_start_before_its_redis() {
    let mut bench = Bench::new();
    bench.redis.stop();
    let mut node = Node::launch(Node::named(&bench.redis.url(), "n1"), false);
    bench.redis.restart();
    node.read_addresses();
    soon("the node is ready", || {
        (get(&node.admin, "/readyz", &[]).status == 200).then_some(())
    });
    bench.room("a");
    let mut viewer = Viewer::connect(&node);
    assert_eq!(viewer.subscribe("a", "bob", None)["type"], "batch");
}

#[test]
fn what_the_tail_missed_is_read_from_history() {
    let mut bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    let mut viewer = Viewer::connect(&node);
    viewer.subscribe("a", "bob", None);
    let first = bench.say("a", "first");
    assert_eq!(viewer.messages(1).0, [first]);
    // The node cannot follow for a moment; meanwhile the log is trimmed below what it has not read.
    bench.redis.stop();
    bench.redis.restart();
    let said: Vec<_> = (0..40).map(|n| bench.say("a", &n.to_string())).collect();
    bench.command(&["XTRIM", &bench.log_key("a"), "MAXLEN", "5"]);
    assert_eq!(viewer.messages(40).0, said);
}

#[test]
fn a_redis_that_was_emptied_is_set_up_again() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let mut viewer = Viewer::connect(&node);
    bench.command(&["FLUSHALL"]);
    bench.command(&["FUNCTION", "FLUSH"]);
    soon("the functions are back", || {
        format!("{:?}", bench.command(&["FUNCTION", "LIST"]))
            .contains("tidegate")
            .then_some(())
    });
    bench.room("a");
    soon("the room can be watched", || {
        (viewer.subscribe("a", "bob", None)["type"] == "batch").then_some(())
    });
    let said = bench.say("a", "hello");
    assert_eq!(viewer.messages(1).0, [said]);
}
