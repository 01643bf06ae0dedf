//! `tg_swap` on a real Redis.

use tidegate_stream::calls::{CallError, Swap, Swapped};

use crate::site::Site;

const KEY: &str = "tg:up:shop";

fn swap(site: &mut Site, expected: &str, new: &str) -> Swapped {
    let swap = Swap {
        key: KEY,
        expected,
        new,
        lasting_ms: 60_000,
    };
    Swap::answer(&site.call(&swap.call())).unwrap()
}

#[test]
fn whoever_was_faster_wins_and_the_other_sees_it() {
    let mut site = Site::start();
    assert_eq!(swap(&mut site, "", "a"), Swapped::Done);
    assert_eq!(swap(&mut site, "", "b"), Swapped::Other("a".to_owned()));
    assert_eq!(swap(&mut site, "x", "b"), Swapped::Other("a".to_owned()));
    assert_eq!(swap(&mut site, "a", "b"), Swapped::Done);
    assert_eq!(site.ask::<String>(&["GET", KEY]), "b");
    let left_ms = site.ask::<u64>(&["PTTL", KEY]);
    assert!((1..=60_000).contains(&left_ms), "{left_ms}");
}

#[test]
fn an_empty_text_is_no_key() {
    let mut site = Site::start();
    swap(&mut site, "", "a");
    assert_eq!(swap(&mut site, "a", ""), Swapped::Done);
    assert_eq!(site.ask::<u64>(&["EXISTS", KEY]), 0);
    assert_eq!(swap(&mut site, "a", "b"), Swapped::Other(String::new()));
}

#[test]
fn other_keys_are_left_alone() {
    let mut site = Site::start();
    for (key, lasting_ms) in [("tg:layout", 1), (KEY, 0)] {
        let swap = Swap {
            key,
            expected: "",
            new: "a",
            lasting_ms,
        };
        assert!(matches!(
            Swap::answer(&site.call(&swap.call())),
            Err(CallError::BadCall(_))
        ));
    }
}
