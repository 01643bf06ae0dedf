//! Which logs a node asks Redis for: those of shards that it has viewers in, as Redis itself sees the reads.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::bench::{Bench, SOON, Viewer, soon};

/// Every command that Redis is given.
struct Monitor(BufReader<TcpStream>);

impl Monitor {
    fn start(bench: &Bench) -> Self {
        let url = bench.redis.url();
        let mut stream = TcpStream::connect(url.trim_start_matches("redis://")).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut monitor = Self(BufReader::new(stream));
        assert_eq!(monitor.line(), "+OK\r\n");
        monitor
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "Redis has ended");
        line
    }

    /// Reads until the logs that one read of the tail names are as they should be.
    fn until(&mut self, what: &str, wanted: impl Fn(&BTreeSet<String>) -> bool) {
        soon(what, || {
            let line = self.line();
            // A function's own XREAD does not block.
            let (_, words) = line.split_once("\"XREAD\" ")?;
            words.contains("\"BLOCK\"").then_some(())?;
            let words = words.split_whitespace().map(|word| word.trim_matches('"'));
            let logs = words.filter(|word| word.contains(":log:"));
            wanted(&logs.map(str::to_owned).collect()).then_some(())
        });
    }
}

#[test]
fn a_node_reads_the_logs_of_shards_that_it_has_viewers_in() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let (all, here) = (bench.log_key("!all"), bench.log_key("here"));
    assert_ne!(all, here);
    let rooms = (0..).map(|n| format!("there-{n}"));
    let room = rooms.map(|room| (bench.log_key(&room), room));
    let (there, room) = room
        .into_iter()
        .find(|(log, _)| *log != here && *log != all)
        .unwrap();
    for room in ["here", &room] {
        bench.room(room);
    }
    assert_eq!(node.metric("tail_logs"), 0, "nobody is there");
    let mut monitor = Monitor::start(&bench);

    let mut first = Viewer::connect(&node);
    first.subscribe("here", "bob", None);
    monitor.until("the first viewer's log is read", |logs| {
        logs.contains(&here) && !logs.contains(&there)
    });
    let mut second = Viewer::connect(&node);
    second.subscribe(&room, "eve", None);
    monitor.until("both are", |logs| {
        logs.contains(&here) && logs.contains(&there)
    });

    drop(first);
    monitor.until("that which nobody needs is not", |logs| {
        !logs.contains(&here) && logs.contains(&there)
    });
    // What is written there meanwhile goes to others only.
    bench.say("here", "nobody listens");
    let said = bench.say(&room, "to those who are there");
    assert_eq!(second.messages(1).0, [said]);
    let entries = soon("it is counted", || {
        Some(node.metric("tail_entries_total")).filter(|entries| *entries > 0)
    });
    assert_eq!(entries, 1);

    let mut back = Viewer::connect(&node);
    let frame = back.subscribe("here", "bob", None);
    assert_eq!(frame["type"], "batch");
    monitor.until("it is read again", |logs| logs.contains(&here));
    let said = bench.say("here", "somebody listens again");
    assert_eq!(back.messages(1).0, [said]);

    drop((second, back));
    soon("nothing is read for nobody", || {
        (node.metric("tail_logs") == 0).then_some(())
    });
}
