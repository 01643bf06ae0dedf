//! Random histories in two regions, copied in random pieces, twice over and in two orders: both come to the same.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tidegate_stream::StreamId;
use tidegate_stream::calls::{BannedName, Lasting, Verb};

use super::{US, copy, entries, exchange, hash, room_hash, two};
use crate::site::{EU, Message, Site, region, room, subject};

#[derive(Debug, Clone)]
enum Step {
    Create,
    Close,
    Title(u8),
    Ban(bool),
    Chat,
    Like,
    /// Copies entries of this site from some place on, so many.
    Copy(usize, usize),
}

const ROOMS: [&str; 2] = ["one", "two"];

fn steps() -> impl Strategy<Value = Vec<(bool, usize, Step)>> {
    let room = 0..ROOMS.len();
    let step = prop_oneof![
        3 => Just(Step::Create),
        1 => Just(Step::Close),
        2 => (0u8..9).prop_map(Step::Title),
        2 => any::<bool>().prop_map(Step::Ban),
        3 => Just(Step::Chat),
        1 => Just(Step::Like),
        3 => (0usize..40, 1usize..20).prop_map(|(from, count)| Step::Copy(from, count)),
    ];
    prop::collection::vec((any::<bool>(), room, step), 1..60)
}

fn play(one: &mut Site, other: &mut Site, at: usize, step: &Step) {
    let name = ROOMS[at];
    // A room that is closed or not there refuses, which is as good.
    match step {
        Step::Create => {
            let owner = subject(one.region.as_str());
            let _ = one.control(
                name,
                Verb::Create {
                    owner: &owner,
                    fields: &[("title", "new")],
                },
            );
        }
        Step::Close => {
            let _ = one.control(name, Verb::Close);
        }
        Step::Title(n) => {
            let title = format!("{} {n}", one.region);
            let _ = one.control(
                name,
                Verb::Change {
                    fields: &[("title", &title)],
                },
            );
        }
        Step::Ban(lifted) => {
            let user = BannedName::Subject(subject("carol"));
            let lasting = if *lifted {
                Lasting::Lifted
            } else {
                Lasting::UntilLifted
            };
            let _ = one.control(
                name,
                Verb::Ban {
                    user: &user,
                    lasting,
                },
            );
        }
        Step::Chat => {
            let _ = one.publish(&Message::chat(name, "hello"));
        }
        Step::Like => {
            let _ = one.publish(&Message::like(name));
        }
        Step::Copy(from, count) => {
            let origin = one.region.clone();
            let all = entries(one, &origin, StreamId::ZERO);
            let piece = &all[(*from).min(all.len())..(from + count).min(all.len())];
            copy(other, &origin, piece);
        }
    }
}

#[test]
fn regions_that_were_apart_come_to_the_same() {
    let sites = RefCell::new(two());
    let mut runner = TestRunner::new(Config {
        cases: 60,
        ..Config::default()
    });
    runner
        .run(&steps(), |steps| {
            let (eu, us) = &mut *sites.borrow_mut();
            for site in [&mut *eu, &mut *us] {
                site.ask::<()>(&["FLUSHALL"]);
            }
            for (in_eu, at, step) in &steps {
                if *in_eu {
                    play(eu, us, *at, step);
                } else {
                    play(us, eu, *at, step);
                }
            }
            exchange(eu, us);
            for name in ROOMS {
                prop_assert_eq!(room_hash(eu, name), room_hash(us, name));
                let open = room_hash(eu, name)
                    .iter()
                    .any(|(field, value)| field == "state" && value.ends_with(" open"));
                if open {
                    let bans = eu.keys.bans(&room(name));
                    prop_assert_eq!(hash(eu, &bans), hash(us, &bans));
                }
                let listed: [Option<u64>; 2] = [
                    eu.ask(&["ZSCORE", "tg:{00}:rooms", name]),
                    us.ask(&["ZSCORE", "tg:{00}:rooms", name]),
                ];
                prop_assert_eq!(listed, [open.then_some(0); 2]);
            }
            for origin in [region(EU), region(US)] {
                let key = eu.keys.log(eu.shard(), &origin);
                prop_assert_eq!(eu.raw_stream(&key), us.raw_stream(&key));
            }
            Ok(())
        })
        .unwrap();
}
