//! A full Redis: writes are refused whole, readers are served.

use tidegate_stream::calls::{
    BannedName, Fault, Flush, FunctionCall, Lasting, Receipt, Remedy, Verb, Verdict, Version,
};
use tidegate_stream::{Lane, StreamId};

use crate::site::{
    Message, Site, assert_log_chain, assert_room_chain, message_call, region, room, subject,
};

fn is_full(site: &mut Site, call: &FunctionCall) -> bool {
    match site.try_call(call) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(
                Fault::of(&error.to_string()).remedy(),
                Remedy::Full,
                "{error}"
            );
            true
        }
    }
}

#[test]
fn nothing_is_half_written_and_readers_are_served() {
    let mut site = Site::start();
    site.create("demo", &[]);
    site.append(&Message::chat("demo", "hello"));
    site.publish(&Message::like("demo")).unwrap();
    site.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let before = site.digest();
    let region = region("eu");
    for message in [
        Message::chat("demo", "more").key("k1"),
        Message::gift("demo", "rose"),
        Message::like("demo"),
    ] {
        let call = message_call(&message, &region).call(&site.keys, &site.bounds);
        assert!(is_full(&mut site, &call));
    }
    let flush = Flush {
        region: &region,
        shard: site.shard(),
    }
    .call(&site.keys, &site.bounds);
    assert!(is_full(&mut site, &flush));
    assert_eq!(site.digest(), before);

    assert!(Version::answer(&site.call(&Version::call())).is_ok());
    assert!(site.join("demo", "bob").unwrap().room.is_some());
    let page = site.after("demo", StreamId::ZERO);
    assert_eq!((page.verdict, page.entries.len()), (Verdict::Whole, 2));

    site.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    site.append(&Message::chat("demo", "room again"));
    let bob = BannedName::Subject(subject("bob"));
    site.control(
        "demo",
        Verb::Ban {
            user: &bob,
            lasting: Lasting::Lifted,
        },
    )
    .unwrap();
}

#[test]
fn memory_that_runs_out_under_way_stops_between_two_messages() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let info: String = site.ask(&["INFO", "memory"]);
    let used: u64 = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let most = (used + 400_000).to_string();
    site.ask::<()>(&["CONFIG", "SET", "maxmemory", &most]);
    let region = region("eu");
    let text = "x".repeat(2_000);
    let mut appended = Vec::new();
    for round in 0.. {
        assert!(round < 10_000, "memory does not run out");
        let message = match round % 2 {
            0 => Message::chat("demo", &text),
            _ => Message::gift("demo", &text),
        }
        .key(&round.to_string());
        let publish = message_call(&message, &region);
        let call = publish.call(&site.keys, &site.bounds);
        match site.try_call(&call) {
            Ok(replies) => match publish.answer(&replies) {
                Ok(Receipt::Appended(entry)) => appended.push(entry.id.id),
                other => panic!("{other:?}"),
            },
            Err(error) => {
                assert_eq!(Fault::of(&error.to_string()).remedy(), Remedy::Full);
                break;
            }
        }
    }
    assert!(appended.len() > 10);
    let log = site.log();
    assert_log_chain(&log);
    let ids: Vec<_> = log.iter().skip(1).map(|entry| entry.id).collect();
    assert_eq!(ids, appended);
    let key = site.keys.room(&room("demo"));
    for (lane, field) in [(Lane::Chat, "last:chat:eu"), (Lane::Gift, "last:keep:eu")] {
        let stream = site.lane("demo", lane);
        assert_room_chain(&stream);
        let last: String = site.ask(&["HGET", &key, field]);
        assert_eq!(stream.last().unwrap().id.to_string(), last);
    }
}
