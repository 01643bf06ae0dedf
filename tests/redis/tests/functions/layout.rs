//! `tg_layout` on a real Redis.

use tidegate_stream::ShardCount;
use tidegate_stream::calls::{FunctionCall, SetLayout};
use tidegate_stream::layout::LayoutError;

use crate::site::Site;

fn set(site: &mut Site, shards: u16) -> Result<u16, LayoutError> {
    let shards = ShardCount::new(shards).unwrap();
    let answer = site.call(&SetLayout { shards }.call(&site.keys));
    SetLayout::answer(&answer).map(ShardCount::get)
}

#[test]
fn whoever_comes_first_fixes_the_layout() {
    let mut site = Site::start();
    assert_eq!(set(&mut site, 64), Ok(64));
    assert_eq!(set(&mut site, 32), Ok(64));
    let there: Vec<String> = site.ask(&["HMGET", "tg:layout", "version", "shards"]);
    assert_eq!(there, ["1", "64"]);
}

#[test]
fn a_layout_that_lacks_a_field_is_completed() {
    let mut site = Site::start();
    site.ask::<u64>(&["HSET", "tg:layout", "shards", "16"]);
    assert_eq!(set(&mut site, 64), Ok(16));
    site.ask::<u64>(&["DEL", "tg:layout"]);
    site.ask::<u64>(&["HSET", "tg:layout", "version", "1"]);
    assert_eq!(set(&mut site, 64), Ok(64));
}

#[test]
fn a_layout_of_another_version_is_left_alone() {
    let mut site = Site::start();
    site.ask::<u64>(&["HSET", "tg:layout", "version", "2"]);
    assert!(matches!(
        set(&mut site, 64),
        Err(LayoutError::Version { .. })
    ));
    assert_eq!(site.ask::<u64>(&["HLEN", "tg:layout"]), 1);
}

#[test]
fn other_keys_and_numbers_are_refused() {
    let mut site = Site::start();
    for (key, version, shards) in [
        ("tg:regions", "1", "64"),
        ("tg:layout", "0", "64"),
        ("tg:layout", "1", "0"),
        ("tg:layout", "1", "1025"),
    ] {
        let call = FunctionCall {
            name: "tg_layout",
            keys: vec![key.to_owned()],
            args: vec![version.into(), shards.into()],
            read_only: false,
        };
        assert!(
            SetLayout::answer(&site.call(&call)).is_err(),
            "{key} {version} {shards}"
        );
        assert_eq!(site.ask::<u64>(&["EXISTS", key]), 0);
    }
}
