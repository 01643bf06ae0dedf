//! Random histories against a model: chains are unbroken, ids rise, and what a reader is told is true.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tidegate_stream::calls::{Bounds, Receipt, Verb, Verdict};
use tidegate_stream::{Kind, Lane, StreamId};

use crate::site::{Message, Site, assert_log_chain, assert_room_chain, subject};

#[derive(Debug, Clone)]
enum Step {
    Chat(usize),
    Gift(usize),
    Like(usize),
    Shadow(usize),
    Keyed(usize, u8),
    Kick(usize),
    Presence(usize),
    Flush,
}

const ROOMS: [&str; 2] = ["one", "two"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let room = 0..ROOMS.len();
    let step = prop_oneof![
        4 => room.clone().prop_map(Step::Chat),
        2 => room.clone().prop_map(Step::Gift),
        1 => room.clone().prop_map(Step::Like),
        1 => room.clone().prop_map(Step::Shadow),
        1 => (room.clone(), 0u8..3).prop_map(|(room, key)| Step::Keyed(room, key)),
        1 => room.clone().prop_map(Step::Kick),
        1 => room.prop_map(Step::Presence),
        1 => Just(Step::Flush),
    ];
    prop::collection::vec(step, 1..80)
}

/// What should have been appended to a room, in order.
#[derive(Default)]
struct Model {
    chat: Vec<StreamId>,
    keep: Vec<StreamId>,
}

impl Model {
    fn above(&self, position: StreamId) -> Vec<StreamId> {
        let mut ids: Vec<_> = self.chat.iter().chain(&self.keep).copied().collect();
        ids.retain(|&id| id > position);
        ids.sort();
        ids
    }
}

/// Does the steps; what the rooms should hold, and every id that was given, in order.
fn play(site: &mut Site, steps: &[Step]) -> ([Model; 2], Vec<StreamId>) {
    let mut models = [Model::default(), Model::default()];
    let mut given = Vec::new();
    for (room, name) in ROOMS.iter().enumerate() {
        site.create(name, &[]);
        let id = site.log().pop().unwrap().id;
        models[room].keep.push(id);
        given.push(id);
    }
    let who = subject("bob");
    for (n, step) in steps.iter().enumerate() {
        let text = n.to_string();
        match *step {
            Step::Chat(room) => {
                let id = site.append(&Message::chat(ROOMS[room], &text)).id.id;
                models[room].chat.push(id);
                given.push(id);
            }
            Step::Gift(room) => {
                let id = site.append(&Message::gift(ROOMS[room], &text)).id.id;
                models[room].keep.push(id);
                given.push(id);
            }
            Step::Like(room) => {
                let like = site.publish(&Message::like(ROOMS[room]));
                assert!(matches!(like, Ok(Receipt::Counted { .. })));
            }
            Step::Shadow(room) => {
                let id = site
                    .append(&Message::chat(ROOMS[room], &text).shadow())
                    .id
                    .id;
                given.push(id);
            }
            Step::Keyed(room, key) => {
                let message = Message::chat(ROOMS[room], "same").key(&key.to_string());
                let id = site.append(&message).id.id;
                if !given.contains(&id) {
                    models[room].chat.push(id);
                    given.push(id);
                }
            }
            Step::Kick(room) => {
                let kick = Verb::Kick { user: &who };
                let id = site.control(ROOMS[room], kick).unwrap().id.id;
                models[room].keep.push(id);
                given.push(id);
            }
            Step::Presence(room) => {
                given.push(site.presence("n1", &[(ROOMS[room], n as u64)]).unwrap());
            }
            Step::Flush => {
                site.flush().unwrap();
            }
        }
    }
    (models, given)
}

fn run(cases: u32, check: impl FnMut(&[Step]) -> Result<(), TestCaseError>) {
    let check = RefCell::new(check);
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&steps(), |steps| (check.borrow_mut())(&steps))
        .unwrap();
}

#[test]
fn every_history_is_an_unbroken_chain() {
    let mut site = Site::start();
    run(40, |steps| {
        site.ask::<()>(&["FLUSHALL"]);
        let (models, given) = play(&mut site, steps);
        prop_assert!(given.windows(2).all(|pair| pair[0] < pair[1]));
        let log = site.log();
        assert_log_chain(&log);
        prop_assert_eq!(log[0].shard_previous, StreamId::ZERO);
        let messages: Vec<_> = log
            .iter()
            .filter(|entry| !matches!(entry.kind, Kind::Likes | Kind::Presence))
            .map(|entry| entry.id)
            .collect();
        let mut expected: Vec<_> = models
            .iter()
            .flat_map(|model| model.above(StreamId::ZERO))
            .collect();
        expected.sort();
        prop_assert_eq!(messages, expected);
        for (model, name) in models.iter().zip(ROOMS) {
            for (lane, expected) in [(Lane::Chat, &model.chat), (Lane::Gift, &model.keep)] {
                let stream = site.lane(name, lane);
                assert_room_chain(&stream);
                let ids: Vec<_> = stream.iter().map(|entry| entry.id).collect();
                prop_assert_eq!(&ids, expected);
            }
        }
        Ok(())
    });
}

#[test]
fn a_reader_is_told_the_truth_wherever_it_stands() {
    let mut site = Site::start();
    site.ask::<()>(&["CONFIG", "SET", "stream-node-max-entries", "2"]);
    site.bounds = Bounds::new(6, 4, 1_000, 900_000).unwrap();
    let mut seen = [0, 0, 0];
    run(40, |steps| {
        site.ask::<()>(&["FLUSHALL"]);
        let (models, given) = play(&mut site, steps);
        for (model, name) in models.iter().zip(ROOMS) {
            let kept = |site: &mut Site, lane| -> Vec<StreamId> {
                site.lane(name, lane).iter().map(|entry| entry.id).collect()
            };
            let (chat, keep) = (kept(&mut site, Lane::Chat), kept(&mut site, Lane::Gift));
            for &position in [StreamId::ZERO].iter().chain(&given) {
                let lost = |all: &[StreamId], left: &[StreamId]| {
                    all.iter().any(|id| *id > position && !left.contains(id))
                };
                let page = site.after(name, position);
                let ids: Vec<_> = page.entries.iter().map(|entry| entry.id).collect();
                if lost(&model.keep, &keep) {
                    seen[0] += 1;
                    prop_assert_eq!(page.verdict, Verdict::Reset);
                    prop_assert!(ids.is_empty());
                } else if lost(&model.chat, &chat) {
                    seen[1] += 1;
                    prop_assert_eq!(page.verdict, Verdict::ChatGap);
                    let mut left: Vec<_> = chat.iter().chain(&keep).copied().collect();
                    left.retain(|&id| id > position);
                    left.sort();
                    prop_assert_eq!(ids, left);
                } else {
                    seen[2] += 1;
                    prop_assert_eq!(page.verdict, Verdict::Whole);
                    prop_assert_eq!(ids, model.above(position));
                }
            }
        }
        Ok(())
    });
    assert!(
        seen.iter().all(|&count| count > 50),
        "all verdicts came up: {seen:?}"
    );
}
