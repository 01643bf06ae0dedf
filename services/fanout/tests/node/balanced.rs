//! Nodes behind HAProxy and nginx, stopped one after the other: whoever comes is served, whoever is there loses nothing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::bench::{Balancer, Bench, End, Events, Node, Place, Viewer, batch_ids, soon, ticket};

/// Viewers who are there all the time; every fourth has a stream of events.
const THERE: usize = 24;
/// Newcomers from the moment in which a node is told to stop.
const NEWCOMERS: usize = 500;
const THREADS: usize = 4;

/// Is set however its scope ends, so that no thread waits for what never comes.
struct SetInTheEnd<'a>(&'a AtomicBool);

impl Drop for SetInTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a viewer's connection is.
enum Line {
    Socket(Box<Viewer>),
    Stream(Events),
}

/// What comes next.
enum Next {
    Batch(Value),
    Move,
    End(End),
}

impl Line {
    /// Connects through the balancer and subscribes: it is served, or this panics. What it was given first, too.
    fn open(balancer: &Balancer, stream: bool, cursor: Option<&str>) -> (Self, Value) {
        let wire = Box::new(balancer.dial());
        let mut line = if stream {
            let target = format!(
                "/v1/rooms/a/events?ticket={}&cursor={}",
                ticket("a", "bob"),
                cursor.unwrap_or_default()
            );
            let events = Events::open_over(wire, balancer.address(), &target, &[]);
            assert!(events.head.starts_with("HTTP/1.1 200 "), "{}", events.head);
            Self::Stream(events)
        } else {
            let mut viewer = Viewer::open_at(&balancer.url(), wire);
            viewer.greet(None);
            viewer.ask("a", &ticket("a", "bob"), cursor);
            Self::Socket(Box::new(viewer))
        };
        match line.next() {
            Next::Batch(batch) => (line, batch),
            Next::Move => panic!("sent away before the first batch"),
            Next::End(end) => panic!("{end:?} before the first batch"),
        }
    }

    fn next(&mut self) -> Next {
        loop {
            let (kind, frame) = match self {
                Self::Socket(viewer) => match viewer.next() {
                    Ok(frame) => (frame["type"].as_str().unwrap().to_owned(), frame),
                    Err(end) => return Next::End(end),
                },
                Self::Stream(events) => match events.try_next() {
                    Some((_, kind, frame)) => (kind, frame),
                    None => return Next::End(End::Lost),
                },
            };
            match kind.as_str() {
                "batch" if frame["room"] == "a" => return Next::Batch(frame),
                "move" => return Next::Move,
                // New endpoints, and what `!all` has.
                "batch" | "endpoints" => {}
                other => panic!("{other}: {frame}"),
            }
        }
    }
}

/// Reads to the last message, and connects again with the last cursor whenever it is sent away. What it got, and how often it
/// was sent away.
fn watch(balancer: &Balancer, stream: bool, there: &AtomicUsize) -> (Vec<String>, usize) {
    let (mut ids, mut moves) = (Vec::new(), 0);
    let (mut line, mut batch) = Line::open(balancer, stream, None);
    there.fetch_add(1, Ordering::Relaxed);
    loop {
        let cursor = batch["cursor"].as_str().unwrap().to_owned();
        let last = batch["messages"].as_array().unwrap().last();
        let last = last.is_some_and(|message| message["data"]["text"] == "last");
        ids.extend(batch_ids(&batch));
        if last {
            return (ids, moves);
        }
        (line, batch) = match line.next() {
            Next::Batch(batch) => (line, batch),
            Next::Move => {
                moves += 1;
                Line::open(balancer, stream, Some(&cursor))
            }
            Next::End(end) => panic!("{end:?}, and nobody said so before"),
        };
    }
}

/// Newcomers one after the other until so many were served and the node has ended.
fn newcomers(balancer: &Balancer, node: &mut Node) -> usize {
    let (served, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (served, ended) = (&served, &ended);
            scope.spawn(move || {
                while served.load(Ordering::Relaxed) < NEWCOMERS || !ended.load(Ordering::Relaxed) {
                    Line::open(balancer, number % 2 == 1, None);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let _ended = SetInTheEnd(&ended);
        assert!(node.wait().success());
    });
    served.into_inner()
}

/// `balance` starts the balancer before both nodes, each of which waits as long as `wait` says.
fn rolled(balance: fn(Place, [&str; 2]) -> Balancer, wait: &[&str]) {
    let (bench, place) = (Bench::new(), Place::new());
    let public_url = place.public_url();
    let start = |name: &str, listen: &str| {
        let mut flags = vec!["--public-url", &public_url, "--listen", listen];
        flags.extend(wait);
        bench.node(name, &flags)
    };
    let mut nodes = ["n1", "n2"].map(|name| start(name, "127.0.0.1:0"));
    bench.room("a");
    let addresses = nodes.each_ref().map(|node| node.viewers.clone());
    let balancer = balance(place, addresses.each_ref().map(String::as_str));
    let (there, done) = (&AtomicUsize::new(0), AtomicBool::new(false));
    let balancer = &balancer;
    thread::scope(|scope| {
        let rolled = SetInTheEnd(&done);
        let watchers: Vec<_> = (0..THERE)
            .map(|number| scope.spawn(move || watch(balancer, number % 4 == 3, there)))
            .collect();
        soon("all are there", || {
            (there.load(Ordering::Relaxed) == THERE).then_some(())
        });
        let talk = scope.spawn(|| {
            let mut said = Vec::new();
            while !done.load(Ordering::Relaxed) {
                said.push(bench.give("a", "meanwhile"));
                thread::sleep(Duration::from_millis(20));
            }
            said.push(bench.give("a", "last"));
            said
        });
        for (index, name) in ["n1", "n2"].into_iter().enumerate() {
            nodes[index].terminate();
            let served = newcomers(balancer, &mut nodes[index]);
            assert!(served >= NEWCOMERS, "{served}");
            nodes[index] = start(name, &addresses[index]);
            soon("the balancer sends viewers there again", || {
                let mut viewer = Viewer::open_at(&balancer.url(), Box::new(balancer.dial()));
                viewer.greet(None);
                (viewer.welcome["node"] == name).then_some(())
            });
        }
        drop(rolled);
        let said = talk.join().unwrap();
        for watcher in watchers {
            let (ids, moves) = watcher.join().unwrap();
            assert_eq!(ids, said);
            assert!(moves >= 1, "both nodes were stopped");
        }
    });
}

#[test]
fn haproxy_serves_every_newcomer_while_nodes_are_stopped_one_after_the_other() {
    // HAProxy needs 2 to 3 s; this is the node's own wait.
    rolled(Balancer::haproxy, &["--drain-wait-ms", "5000"]);
}

#[test]
fn nginx_serves_every_newcomer_while_nodes_are_stopped_one_after_the_other() {
    // nginx asks nobody whether it is ready: whom one node does not take, the next one is asked for.
    rolled(Balancer::nginx, &["--drain-wait-ms", "1000"]);
}
