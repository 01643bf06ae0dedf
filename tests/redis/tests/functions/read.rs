//! `tg_read`: pages, and whether history reaches back (link: replay).

use tidegate_stream::calls::{After, Bounds, CallError, OriginPage, Refusal, Verdict};
use tidegate_stream::{Lane, Region, StreamId};

use crate::site::{Message, Site, id, region, room, soon};

fn ids(page: &OriginPage) -> Vec<StreamId> {
    page.entries.iter().map(|entry| entry.id).collect()
}

#[test]
fn both_streams_come_merged_and_in_pages() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let start = site.log().pop().unwrap().id;
    let mut expected = Vec::new();
    for round in 0..150 {
        let text = round.to_string();
        let message = if round % 7 == 0 {
            Message::gift("demo", &text)
        } else {
            Message::chat("demo", &text)
        };
        expected.push(site.append(&message).id.id);
    }
    assert_eq!(ids(&site.after("demo", start)), expected);
    for (limit, bytes) in [(1, 4_000_000), (64, 4_000_000), (1_000, 1), (1_000, 10_000)] {
        let (mut got, mut at, mut pages) = (Vec::new(), start, 0);
        loop {
            let positions = [(region("eu"), After::Id(at))];
            let page = site
                .read("demo", limit, bytes, &positions)
                .unwrap()
                .remove(0);
            assert_eq!(page.verdict, Verdict::Whole);
            assert_eq!(page.last, *expected.last().unwrap());
            assert!(page.entries.len() <= limit as usize);
            got.extend(ids(&page));
            pages += 1;
            if !page.more {
                break;
            }
            at = page.reached.unwrap();
        }
        assert_eq!(got, expected, "{limit} entries, {bytes} bytes a page");
        assert!(pages > 1);
    }
    let newest = [(region("eu"), After::Newest)];
    let page = site.read("demo", 10, 100_000, &newest).unwrap().remove(0);
    assert_eq!(ids(&page), expected[140..]);
    assert!(!page.more && page.verdict == Verdict::Whole);
    // By bytes too, it is the newest that stay.
    let page = site.read("demo", 10, 1_000, &newest).unwrap().remove(0);
    let count = page.entries.len();
    assert!((1..10).contains(&count));
    assert_eq!(ids(&page), expected[150 - count..]);
}

#[test]
fn each_origin_answers_for_itself() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let position = site.log().pop().unwrap().id;
    let here = site.append(&Message::chat("demo", "here"));
    // As a relay would have copied it.
    let there = site.keys.lane(&room("demo"), Lane::Chat, &region("us"));
    let fields = "v 1 room demo kind chat lane chat sub a info - data {} at_ms 5 key - hash - trace - sp 0-0 rp 0-0";
    for copied in ["70-0", "70-1"] {
        let mut words = vec!["XADD", &there, copied];
        words.extend(fields.split(' '));
        site.ask::<()>(&words);
    }
    let positions: Vec<(Region, After)> = vec![
        (region("us"), After::Id(id("70-0"))),
        (region("eu"), After::Id(position)),
        (region("ap"), After::Id(StreamId::ZERO)),
    ];
    let pages = site.read("demo", 10, 10_000, &positions).unwrap();
    assert_eq!(ids(&pages[0]), [id("70-1")]);
    assert_eq!(ids(&pages[1]), [here.id.id]);
    assert!(pages[2].entries.is_empty());
    assert_eq!(pages[2].last, StreamId::ZERO);
}

#[test]
fn no_origin_starves_another() {
    let mut site = Site::start();
    site.create("demo", &[]);
    for round in 0..20 {
        site.append(&Message::chat("demo", &round.to_string()));
    }
    let (from, to) = (
        site.keys.lane(&room("demo"), Lane::Chat, &region("eu")),
        site.keys.lane(&room("demo"), Lane::Chat, &region("us")),
    );
    site.ask::<()>(&["COPY", &from, &to]);
    let positions = ["eu", "us"].map(|name| (region(name), After::Newest));
    let pages = site.read("demo", 100, 2_000, &positions).unwrap();
    for page in &pages {
        assert!((1..20).contains(&page.entries.len()));
    }
}

/// A room whose streams keep few entries, and the position before each message.
struct Trimmed {
    site: Site,
    positions: Vec<StreamId>,
}

fn trimmed(chat: u32, keep: u32, messages: &[Message]) -> Trimmed {
    let mut site = Site::start();
    site.ask::<()>(&["CONFIG", "SET", "stream-node-max-entries", "1"]);
    site.bounds = Bounds::new(chat, keep, 1_000, 900_000).unwrap();
    site.create("demo", &[]);
    let mut positions = vec![site.log().pop().unwrap().id];
    for message in messages {
        positions.push(site.append(message).id.id);
    }
    Trimmed { site, positions }
}

#[test]
fn chat_that_is_gone_is_said_and_gifts_all_come() {
    let mut messages = vec![Message::gift("demo", "first")];
    messages.extend((0..20).map(|n| Message::chat("demo", &n.to_string())));
    messages.push(Message::gift("demo", "last"));
    let mut room = trimmed(5, 100, &messages);
    let page = room.site.after("demo", room.positions[0]);
    assert_eq!(page.verdict, Verdict::ChatGap);
    assert_eq!(page.entries.len(), 7);
    assert_eq!(page.entries[0].data, "{\"text\":\"first\"}");
    // The position just before the oldest chat that is left is good again.
    let page = room.site.after("demo", room.positions[16]);
    assert_eq!(page.verdict, Verdict::Whole);
    assert_eq!(page.entries.len(), 6);
    let page = room.site.after("demo", room.positions[15]);
    assert_eq!(page.verdict, Verdict::ChatGap);
}

#[test]
fn a_page_that_is_cut_still_says_that_chat_is_gone() {
    let mut messages: Vec<_> = (0..20)
        .map(|n| Message::chat("demo", &n.to_string()))
        .collect();
    messages.insert(0, Message::gift("demo", "first"));
    let mut room = trimmed(5, 100, &messages);
    let positions = [(region("eu"), After::Id(room.positions[0]))];
    let page = room
        .site
        .read("demo", 1, 10_000, &positions)
        .unwrap()
        .remove(0);
    assert!(page.more);
    assert_eq!(page.verdict, Verdict::ChatGap);
}

#[test]
fn gifts_that_are_gone_reset_the_reader() {
    let messages: Vec<_> = (0..20)
        .map(|n| Message::gift("demo", &n.to_string()))
        .collect();
    let mut room = trimmed(100, 5, &messages);
    let page = room.site.after("demo", room.positions[14]);
    assert_eq!(page.verdict, Verdict::Reset);
    assert!(page.entries.is_empty() && !page.more);
    let page = room.site.after("demo", room.positions[15]);
    assert_eq!(page.verdict, Verdict::Whole);
    assert_eq!(page.entries.len(), 5);
}

#[test]
fn a_quiet_room_whose_streams_have_expired_remembers_its_last_ids() {
    let mut site = Site::start();
    site.bounds = Bounds::new(500, 2_000, 100_000, 200).unwrap();
    site.create("demo", &[]);
    let created = site.log().pop().unwrap().id;
    let gift = site.append(&Message::gift("demo", "rose")).id.id;
    let chat = site.append(&Message::chat("demo", "hello")).id.id;
    let pattern = format!("{}:*", site.keys.room(&room("demo")));
    soon("the streams have expired", || {
        site.ask::<Vec<String>>(&["KEYS", &pattern])
            .is_empty()
            .then_some(())
    });
    // Who has seen all, comes back to a whole room, however long it was.
    assert_eq!(site.after("demo", chat).verdict, Verdict::Whole);
    let ahead = StreamId {
        ms: chat.ms + 5,
        seq: 0,
    };
    assert_eq!(site.after("demo", ahead).verdict, Verdict::Whole);
    assert_eq!(site.after("demo", gift).verdict, Verdict::ChatGap);
    assert_eq!(site.after("demo", created).verdict, Verdict::Reset);
    assert_eq!(site.after("demo", StreamId::ZERO).verdict, Verdict::Reset);
    // And the chain goes on from what has expired.
    site.append(&Message::gift("demo", "another"));
    let page = site.after("demo", chat);
    assert_eq!((page.verdict, page.entries.len()), (Verdict::Whole, 1));
    assert_eq!(page.entries[0].room_previous, gift);
    assert_eq!(site.after("demo", created).verdict, Verdict::Reset);
}

#[test]
fn below_the_floor_there_is_no_history() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let below = site.append(&Message::chat("demo", "one")).id.id;
    let floor = site.append(&Message::chat("demo", "two")).id.id;
    let key = site.keys.floor(site.shard(), &region("eu"));
    site.ask::<()>(&["SET", &key, &floor.to_string()]);
    assert_eq!(site.after("demo", below).verdict, Verdict::Reset);
    assert_eq!(site.after("demo", floor).verdict, Verdict::Whole);
    assert_eq!(site.join("demo", "bob").unwrap().origins[0].floor, floor);
}

#[test]
fn a_room_that_is_not_there_is_not_read() {
    let mut site = Site::start();
    let positions = [(region("eu"), After::Newest)];
    assert_eq!(
        site.read("demo", 10, 1_000, &positions),
        Err(CallError::Refused(Refusal::NoRoom))
    );
    assert_eq!(
        site.join("demo", "bob"),
        Err(CallError::Refused(Refusal::NoRoom))
    );
    for name in ["~bob", "!all"] {
        let page = site.read(name, 10, 1_000, &positions).unwrap().remove(0);
        assert!(page.entries.is_empty());
        assert_eq!(site.join(name, "bob").unwrap().room, None);
    }
    assert!(matches!(
        site.read("~bob", 10, 1_000, &[]),
        Err(CallError::BadCall(_))
    ));
}

#[test]
fn a_subjects_own_room_is_forgotten_after_a_week_and_says_so() {
    let mut site = Site::with_clock();
    let first = site.append(&Message::chat("~bob", "one").service()).id.id;
    site.append(&Message::gift("~bob", "two"));
    site.server.set_clock("+605000");
    let key = site.keys.room(&room("~bob"));
    assert_eq!(site.ask::<u64>(&["EXISTS", &key]), 0);
    assert_eq!(site.after("~bob", first).verdict, Verdict::Reset);
    let now_ms = site.now_ms();
    let fresh = StreamId { ms: now_ms, seq: 0 };
    assert_eq!(site.after("~bob", fresh).verdict, Verdict::Whole);
}
