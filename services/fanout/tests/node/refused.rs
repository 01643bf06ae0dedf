//! Who is not let in, who is put out, and which sockets are closed with which code.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::bench::{Bench, End, Viewer, soon, ticket, ticket_until};
use serde_json::json;
use tidegate_stream::calls::{BannedName, Lasting, Verb};
use tungstenite::Message;

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}

#[test]
fn bad_tickets_and_rooms_are_named() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    bench.room("closed");
    bench.control("closed", Verb::Close);
    let mut viewer = Viewer::connect(&node);
    let good = ticket("a", "bob");
    let forged = format!("{}A", &good[..good.len() - 1]);
    for (room, ticket, code) in [
        ("a", "nonsense".to_owned(), "bad_ticket"),
        ("a", forged, "bad_ticket"),
        ("b", good.clone(), "wrong_room"),
        ("a", ticket_until("a", "bob", None, 1), "ticket_expired"),
        ("none", ticket("none", "bob"), "no_room"),
        ("closed", ticket("closed", "bob"), "room_closed"),
        ("!all", ticket("!all", "bob"), "wrong_room"),
    ] {
        viewer.ask(room, &ticket, None);
        let error = viewer.next_of("error");
        assert_eq!(
            (error["code"].as_str(), error["room"].as_str()),
            (Some(code), Some(room))
        );
    }
    for frame in [
        json!({"type": "unsubscribe", "room": "a"}),
        json!({"type": "refresh", "room": "a", "ticket": good}),
    ] {
        viewer.send(frame);
        assert_eq!(viewer.next_of("error")["code"], "not_subscribed");
    }
    assert_eq!(viewer.subscribe("a", "bob", None)["type"], "batch");
}

#[test]
fn the_thirty_third_room_is_refused() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let mut viewer = Viewer::connect(&node);
    for n in 0..33 {
        bench.room(&format!("r{n}"));
        let answer = viewer.subscribe(&format!("r{n}"), "bob", None);
        assert_eq!(answer["type"], if n < 32 { "batch" } else { "error" });
    }
    // In place of one that it has already, it is taken.
    assert_eq!(viewer.subscribe("r0", "bob", None)["type"], "batch");
}

#[test]
fn bans_hold_at_once_and_lifted_ones_do_not() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    let mut bob = Viewer::connect(&node);
    bob.subscribe("a", "bob", None);
    let mut eve = Viewer::connect(&node);
    eve.subscribe("a", "eve", None);
    bench.ban("a", "bob", Lasting::UntilLifted);
    assert_eq!(bob.next_of("error")["code"], "banned");
    assert_eq!(bob.subscribe("a", "bob", None)["code"], "banned");
    assert_eq!(eve.next_of("batch")["messages"][0]["kind"], "ban");
    bench.ban("a", "bob", Lasting::Lifted);
    assert_eq!(bob.subscribe("a", "bob", None)["type"], "batch");
    bench.control(
        "a",
        Verb::Kick {
            user: &"bob".parse().unwrap(),
        },
    );
    assert_eq!(bob.next_of("error")["code"], "kicked");
    // A kick is no ban.
    assert_eq!(bob.subscribe("a", "bob", None)["type"], "batch");
    bench.control("a", Verb::Close);
    for viewer in [&mut bob, &mut eve] {
        assert_eq!(viewer.next_of("error")["code"], "room_closed");
    }
}

#[test]
fn a_subject_and_a_token_can_be_revoked_everywhere() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    let mut by_token = Viewer::connect(&node);
    by_token.ask(
        "a",
        &ticket_until("a", "bob", Some("token-1"), u64::MAX >> 16),
        None,
    );
    by_token.next_of("batch");
    let mut by_name = Viewer::connect(&node);
    by_name.subscribe("a", "eve", None);
    let mut other = Viewer::connect(&node);
    other.subscribe("a", "bob", None);
    let token = BannedName::Token(tidegate_stream::digest::token("token-1"));
    bench.control(
        "!all",
        Verb::Ban {
            user: &token,
            lasting: Lasting::UntilLifted,
        },
    );
    assert_eq!(by_token.end(), End::Closed(4403));
    bench.control(
        "!all",
        Verb::Disconnect {
            user: &"eve".parse().unwrap(),
        },
    );
    assert_eq!(by_name.end(), End::Closed(4403));
    // Neither is passed on, and nobody else is concerned.
    assert_eq!(
        other
            .within(Duration::from_millis(300))
            .map(|frame| frame.filter(|frame| frame["room"] == "!all")),
        Ok(None)
    );
    let mut back = Viewer::connect(&node);
    back.ask(
        "a",
        &ticket_until("a", "bob", Some("token-1"), u64::MAX >> 16),
        None,
    );
    assert_eq!(back.next_of("error")["code"], "banned");
}

#[test]
fn a_ticket_that_lapses_ends_its_room_only() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    bench.room("b");
    let mut viewer = Viewer::connect(&node);
    viewer.ask("a", &ticket_until("a", "bob", None, now_ms() + 1_500), None);
    viewer.ask("b", &ticket_until("b", "bob", None, now_ms() + 1_500), None);
    viewer.send(json!({"type": "refresh", "room": "b", "ticket": ticket("b", "bob")}));
    let error = viewer.next_of("error");
    assert_eq!(
        (error["code"].as_str(), error["room"].as_str()),
        (Some("ticket_expired"), Some("a"))
    );
    let said = bench.say("b", "still here");
    assert_eq!(viewer.messages(1).0, [said]);
}

#[test]
fn each_fault_has_its_close_code() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    let hello = || Viewer::connect(&node);
    let raw = |text: &str, code| {
        let mut viewer = hello();
        viewer.socket.send(Message::text(text)).unwrap();
        assert_eq!(viewer.end(), End::Closed(code), "{text}");
    };
    raw("nonsense", 4400);
    raw("[]", 4400);
    raw(r#"{"type":"dance"}"#, 4400);
    raw(r#"{"type":"subscribe","room":"a b","ticket":"x"}"#, 4400);
    raw(
        r#"{"type":"subscribe","room":"a","ticket":"x","cursor":"nonsense"}"#,
        4409,
    );
    raw(r#"{"type":"hello","client":"c","version":"1"}"#, 4401);
    let mut ahead = tidegate_stream::Cursor::default();
    ahead.set(
        bench.region.clone(),
        tidegate_stream::StreamId {
            ms: now_ms() + 3_700_000,
            seq: 0,
        },
    );
    let mut viewer = hello();
    viewer.ask("a", &ticket("a", "bob"), Some(&ahead.to_string()));
    assert_eq!(viewer.end(), End::Closed(4409));
    let mut viewer = hello();
    viewer.socket.send(Message::binary(vec![1])).unwrap();
    assert_eq!(viewer.end(), End::Closed(1003));
    let mut viewer = hello();
    viewer
        .socket
        .send(Message::text("x".repeat(17 * 1024)))
        .unwrap();
    assert_eq!(viewer.end(), End::Closed(1009));
    let mut viewer = hello();
    for _ in 0..60 {
        viewer.send(json!({"type": "ping"}));
    }
    assert_eq!(viewer.end(), End::Closed(4429));
    let mut early = Viewer::open(&node);
    early.send(json!({"type": "ping"}));
    assert_eq!(early.end(), End::Closed(4401));
    let mut silent = Viewer::open(&node);
    assert_eq!(silent.end(), End::Closed(4408));
    soon("the codes are counted", || {
        (node.metric("closed_total") == 12).then_some(())
    });
}

#[test]
fn a_viewer_who_does_not_read_is_cut_off_and_resumes() {
    let bench = Bench::new();
    let node = bench.node("n1", &["--ring-kib", "16", "--send-buffer-kib", "4"]);
    bench.room("a");
    let mut slow = Viewer::connect(&node);
    let first = slow.subscribe("a", "bob", None);
    let mut quick = Viewer::connect(&node);
    quick.subscribe("a", "eve", None);
    let text = "x".repeat(3_000);
    let mut said = Vec::new();
    soon("the slow one is cut off", || {
        said.push(bench.give("a", &text));
        quick.messages(1);
        (node.metric("too_slow_total") == 1).then_some(())
    });
    let mut got = Vec::new();
    let mut cursor = first["cursor"].as_str().unwrap().to_owned();
    let end = loop {
        match slow.next() {
            Ok(frame) => {
                got.extend(crate::bench::batch_ids(&frame));
                cursor = frame["cursor"].as_str().unwrap().to_owned();
            }
            Err(end) => break end,
        }
    };
    assert!(end == End::Closed(4411) || end == End::Lost, "{end:?}");
    assert!(got.len() < said.len());
    let mut back = Viewer::connect(&node);
    back.ask("a", &ticket("a", "bob"), Some(&cursor));
    let rest = said.len() - got.len();
    got.extend(back.messages(rest).0);
    assert_eq!(got, said);
}

#[test]
fn those_who_ask_together_are_judged_one_by_one() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let rooms = ["a", "b", "broken", "closed", "revoked", "z"];
    for room in rooms {
        bench.room(room);
    }
    bench.control("closed", Verb::Close);
    bench.ban("b", "bob", Lasting::UntilLifted);
    bench.ban("z", "eve", Lasting::UntilLifted);
    let token = BannedName::Token(tidegate_stream::digest::token("token-1"));
    bench.control(
        "!all",
        Verb::Ban {
            user: &token,
            lasting: Lasting::UntilLifted,
        },
    );
    // What stands where the bans of one room should stand is none of the others' matter.
    let bans = bench.keys.bans(&"broken".parse().unwrap());
    bench.command(&["SET", &bans, "no hash"]);
    let verdicts = [
        ("a", None),
        ("b", Some("banned")),
        ("broken", Some("try_again")),
        ("closed", Some("room_closed")),
        ("none", Some("no_room")),
        ("revoked", Some("banned")),
        ("z", None),
    ];
    let mut viewer = Viewer::connect(&node);
    // The rooms' shards are tailed already, so that all are looked up at the same time.
    let mut before = Viewer::connect(&node);
    for room in rooms.into_iter().chain(["none"]) {
        before.subscribe(room, "carol", None);
    }
    for (room, _) in verdicts {
        let token = (room == "revoked").then_some("token-1");
        let ticket = ticket_until(room, "bob", token, u64::MAX >> 16);
        let ask = json!({"type": "subscribe", "room": room, "ticket": ticket});
        viewer.socket.write(Message::text(ask.to_string())).unwrap();
    }
    viewer.socket.flush().unwrap();
    let mut answers = BTreeMap::new();
    while answers.len() < verdicts.len() {
        let frame = viewer.next().unwrap();
        let code = frame["code"].as_str().map(str::to_owned);
        let room = frame["room"].as_str().unwrap().to_owned();
        if room != "!all" {
            answers.entry(room).or_insert(code);
        }
    }
    for (room, code) in verdicts {
        assert_eq!(answers[room].as_deref(), code, "{room}");
    }
}
