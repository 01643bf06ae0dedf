//! Lanes under overload: chat is sampled and counted, gifts never, for rooms over their budget and for viewers who are slow.

use serde_json::Value;
use tidegate_protocol::level;
use tidegate_stream::MessageId;
use tidegate_stream::calls::Verb;

use crate::bench::{Bench, Node, Viewer, batch_ids, get, soon};

/// So much chat, and after each tenth message a gift, the last one at the end.
fn publish(bench: &Bench, room: &str, chat: usize, text: &str) -> Said {
    publish_and(bench, room, chat, text, |_| {})
}

/// The same, with something done after each.
fn publish_and(
    bench: &Bench,
    room: &str,
    chat: usize,
    text: &str,
    mut after: impl FnMut(&str),
) -> Said {
    let mut said = Said::default();
    for n in 1..=chat {
        let id = bench.say(room, text);
        after(&id);
        said.chat.push(id);
        if n % 10 == 0 || n == chat {
            let id = bench.give(room, "rose");
            after(&id);
            said.gifts.push(id);
        }
    }
    said
}

#[derive(Default)]
struct Said {
    chat: Vec<String>,
    gifts: Vec<String>,
}

#[derive(Default, PartialEq, Debug)]
struct Got {
    chat: Vec<String>,
    gifts: Vec<String>,
    left_out: u64,
}

impl Got {
    fn take(&mut self, frame: &Value) {
        let mut least = level::HIGHEST;
        for (id, message) in batch_ids(frame)
            .into_iter()
            .zip(frame["messages"].as_array().unwrap())
        {
            match message["lane"].as_str() {
                Some("chat") => {
                    least = least.min(level_of(&id));
                    self.chat.push(id);
                }
                Some("gift") => self.gifts.push(id),
                _ => {}
            }
        }
        let left_out = frame["left_out"].as_u64().unwrap_or(0);
        assert!(
            left_out == 0 || least > 0,
            "what no level leaves out beside what one did"
        );
        self.left_out += left_out;
    }

    /// Reads on until that message.
    fn read(&mut self, viewer: &mut Viewer, last: &str) {
        while ![&self.gifts, &self.chat]
            .map(|ids| ids.last().is_some_and(|id| id == last))
            .contains(&true)
        {
            let frame = viewer.next_of("batch");
            self.take(&frame);
        }
    }

    /// Holds what came against what was published from here on.
    fn check(&self, said: &Said) {
        assert_eq!(self.gifts, said.gifts);
        let mut all = said.chat.iter();
        assert!(
            self.chat.iter().all(|id| all.any(|known| known == id)),
            "in order, once"
        );
        assert_eq!(
            self.chat.len() as u64 + self.left_out,
            said.chat.len() as u64
        );
        let highest = said.chat.iter().filter(|id| level_of(id) == level::HIGHEST);
        assert!(highest.clone().all(|id| self.chat.contains(id)));
    }
}

fn level_of(id: &str) -> u8 {
    let id: MessageId = id.parse().unwrap();
    level::of_message(&id)
}

/// How many are served at a level.
fn viewers(node: &Node, level: usize) -> u64 {
    let text = get(&node.admin, "/metrics", &[]).body;
    let series = format!("tidegate_fanout_viewers{{level=\"{level}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&series));
    line.unwrap().parse().unwrap()
}

#[test]
fn a_room_over_its_budget_is_sampled_and_counted() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room_with("a", &[("chat_budget", "3")]);
    let mut two = [Viewer::connect(&node), Viewer::connect(&node)];
    for viewer in &mut two {
        viewer.subscribe("a", "bob", None);
    }
    let said = publish(&bench, "a", 300, "hello");
    let mut left_out = 0;
    for viewer in &mut two {
        let mut got = Got::default();
        got.read(viewer, said.gifts.last().unwrap());
        got.check(&said);
        assert!(got.left_out > 100, "{got:?}");
        left_out += got.left_out;
    }
    soon("it is told", || {
        (node.metric("left_out_total") == left_out).then_some(())
    });
    // Another budget holds without anybody coming anew.
    let fields = [("chat_budget", "0")];
    bench.control("a", Verb::Change { fields: &fields });
    soon("the budget is known", || {
        (node.metric("rooms_sampled") == 0 && viewers(&node, 0) == 2).then_some(())
    });
    let whole = publish(&bench, "a", 30, "hello");
    let mut got = Got::default();
    got.read(&mut two[0], whole.gifts.last().unwrap());
    got.check(&whole);
    assert_eq!(got.left_out, 0);
}

#[test]
fn a_node_has_a_budget_for_rooms_that_have_none() {
    let bench = Bench::new();
    let node = bench.node("n1", &["--chat-budget", "3"]);
    bench.room("a");
    bench.room_with("b", &[("chat_budget", "0")]);
    for (room, samples) in [("a", true), ("b", false)] {
        let mut viewer = Viewer::connect(&node);
        viewer.subscribe(room, "bob", None);
        let said = publish(&bench, room, 60, "hello");
        let mut got = Got::default();
        got.read(&mut viewer, said.gifts.last().unwrap());
        got.check(&said);
        assert_eq!(got.left_out > 0, samples, "{room}");
    }
}

#[test]
fn a_slow_viewer_is_sampled_until_it_reads_again() {
    let bench = Bench::new();
    let node = bench.node("n1", &["--send-buffer-kib", "4", "--ring-kib", "8192"]);
    bench.room("a");
    let mut slow = Viewer::connect(&node);
    let mut quick = Viewer::connect(&node);
    for viewer in [&mut slow, &mut quick] {
        viewer.subscribe("a", "bob", None);
    }
    let text = "x".repeat(3_000);
    let mut said = Said::default();
    let mut all = Got::default();
    // The quick one reads each by itself: several together are more than its socket takes at once.
    let mut add = |count| {
        let more = publish_and(&bench, "a", count, &text, |id| all.read(&mut quick, id));
        said.chat.extend(more.chat);
        said.gifts.extend(more.gifts);
    };
    soon("the slow one is blocked", || {
        add(10);
        (node.metric("connections_blocked") == 1).then_some(())
    });
    add(200);
    let last = said.gifts.last().unwrap().clone();
    all.check(&said);
    assert_eq!(all.left_out, 0);
    let mut some = Got::default();
    some.read(&mut slow, &last);
    some.check(&said);
    assert!(some.left_out > 50, "{}", some.left_out);
    assert!(some.chat.len() > 5, "{}", some.chat.len());
    soon("it is told", || {
        (node.metric("left_out_total") == some.left_out).then_some(())
    });
    assert!(node.metric("frames_blocked_total") > 0);
    soon("it is as the other again", || {
        (viewers(&node, 0) == 2).then_some(())
    });
    let whole = publish(&bench, "a", 5, "hello");
    let mut got = Got::default();
    got.read(&mut slow, whole.gifts.last().unwrap());
    got.check(&whole);
    assert_eq!(got.left_out, 0);
    assert_eq!(node.metric("too_slow_total"), 0);
}
