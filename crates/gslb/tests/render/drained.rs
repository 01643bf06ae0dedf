use tidegate_gslb::Description;
use tidegate_gslb::drain::{Wish, edit, is_drained};
use tidegate_stream::Region;

use super::{SMALL, small};

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

#[test]
fn a_drain_is_lines_that_a_restore_takes_away_again() {
    let others = "*/xmpp => UP/30\n";
    for (policy, line) in [
        ("failover", "metafo/live/east => DOWN # drained: east\n"),
        ("geo", "geoip/api/east => DOWN # drained: east\n"),
        ("weighted", "127.0.1.12/live => DOWN # drained: east\n"),
    ] {
        let description = small(policy);
        let east = region("east");
        let drained = edit(&description, others, &east, Wish::Drain).unwrap();
        assert!(
            drained.starts_with(others) && drained.contains(line),
            "{drained}"
        );
        assert!(is_drained(&drained, &east) && !is_drained(&drained, &region("west")));
        assert_eq!(
            edit(&description, &drained, &east, Wish::Drain).unwrap(),
            drained
        );
        assert_eq!(
            edit(&description, &drained, &east, Wish::Restore).unwrap(),
            others
        );
    }
}

#[test]
fn a_name_that_another_ends_with_is_another() {
    let text = SMALL.replace("name = \"west\"", "name = \"far-east\"");
    let description = Description::parse(&text).unwrap();
    let state = edit(&description, "", &region("far-east"), Wish::Drain).unwrap();
    assert!(!is_drained(&state, &region("east")), "{state}");
    assert_eq!(
        edit(&description, &state, &region("east"), Wish::Restore).unwrap(),
        state
    );
}

#[test]
fn the_last_one_is_not_drained_and_neither_is_a_stranger() {
    let description = small("failover");
    let east = edit(&description, "", &region("east"), Wish::Drain).unwrap();
    let error = edit(&description, &east, &region("west"), Wish::Drain).unwrap_err();
    assert!(error.to_string().contains("the last region"), "{error}");
    let error = edit(&description, "", &region("north"), Wish::Drain).unwrap_err();
    assert!(error.to_string().contains("it has east, west"), "{error}");
    let away = Description::parse(&SMALL.replace("weight = 300", "weight = 0")).unwrap();
    let error = edit(&away, "", &region("west"), Wish::Drain).unwrap_err();
    assert!(error.to_string().contains("weight 0"), "{error}");
}
