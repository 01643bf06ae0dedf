//! `tg_node` on a real Redis.

use tidegate_stream::NodeName;
use tidegate_stream::calls::{
    CallError, FunctionCall, NODE_LIVES_MS, NODE_SILENT_MS, NodeLine, NodeListed,
};

use crate::site::{Site, region};

/// Redis' clock, ms.
fn now_ms(site: &mut Site) -> u64 {
    let time: Vec<u64> = site.ask(&["TIME"]);
    time[0] * 1_000 + time[1] / 1_000
}

/// Writes the line of a process that wrote it last so many ms ago.
fn write(site: &mut Site, run: &str, ago_ms: u64) -> NodeListed {
    let until_ms = now_ms(site) - ago_ms + NODE_LIVES_MS;
    let line = format!(r#"{{"url":"ws://{run}:1","run":"{run}","until_ms":{until_ms}}}"#);
    ask(site, run, Some(&line))
}

fn ask(site: &mut Site, run: &str, line: Option<&str>) -> NodeListed {
    let name: NodeName = "n1".parse().unwrap();
    let line = NodeLine {
        region: &region("eu"),
        name: &name,
        run,
        line,
    };
    let call = line.call(&site.keys);
    NodeLine::answer(&site.call(&call)).unwrap()
}

fn listed(site: &mut Site) -> Option<String> {
    site.ask(&["HGET", "tg:nodes:eu", "n1"])
}

#[test]
fn a_living_node_keeps_its_name() {
    let mut site = Site::start();
    assert_eq!(write(&mut site, "a", 0), NodeListed::Done);
    assert_eq!(write(&mut site, "a", 0), NodeListed::Done);
    let NodeListed::Taken { until_ms, url } = write(&mut site, "b", 0) else {
        panic!("a lives");
    };
    assert!(until_ms > now_ms(&mut site));
    assert_eq!(url, "ws://a:1");
    assert!(listed(&mut site).unwrap().contains("ws://a:1"));
    // Nor does it go when another of its name does.
    assert!(matches!(
        ask(&mut site, "b", None),
        NodeListed::Taken { .. }
    ));
    assert!(listed(&mut site).is_some());
    assert_eq!(ask(&mut site, "a", None), NodeListed::Done);
    assert_eq!(listed(&mut site), None);
}

#[test]
fn a_silent_node_is_replaced_and_does_not_strike_its_successor_off() {
    let mut site = Site::start();
    write(&mut site, "a", NODE_SILENT_MS + 1);
    assert_eq!(write(&mut site, "b", 0), NodeListed::Done);
    assert!(matches!(
        ask(&mut site, "a", None),
        NodeListed::Taken { .. }
    ));
    assert!(matches!(write(&mut site, "a", 0), NodeListed::Taken { .. }));
    assert!(listed(&mut site).unwrap().contains("ws://b:1"));
}

#[test]
fn a_line_that_nobody_can_read_or_that_a_wrong_clock_wrote_keeps_nobody_out() {
    let mut site = Site::start();
    let later_ms = now_ms(&mut site) + 3_600_000;
    for line in [
        "{".to_owned(),
        r#"{"url":"ws://x:1"}"#.to_owned(),
        format!(r#"{{"url":"ws://x:1","run":"x","until_ms":{later_ms}}}"#),
    ] {
        site.ask::<u64>(&["DEL", "tg:nodes:eu"]);
        site.ask::<u64>(&["HSET", "tg:nodes:eu", "n1", &line]);
        assert_eq!(write(&mut site, "b", 0), NodeListed::Done, "{line}");
    }
    // The version before wrote no run.
    let soon_ms = now_ms(&mut site) + NODE_LIVES_MS;
    let line = format!(r#"{{"url":"ws://x:1","until_ms":{soon_ms}}}"#);
    site.ask::<u64>(&["DEL", "tg:nodes:eu"]);
    site.ask::<u64>(&["HSET", "tg:nodes:eu", "n1", &line]);
    assert!(matches!(write(&mut site, "b", 0), NodeListed::Taken { .. }));
}

#[test]
fn other_keys_and_lines_are_refused() {
    let mut site = Site::start();
    let large = format!(r#"{{"until_ms":1,"url":"{}"}}"#, "x".repeat(4096));
    for (key, name, line) in [
        ("tg:layout", "n1", ""),
        ("tg:nodes:eu", "N 1", ""),
        ("tg:nodes:eu", "n1", "{}"),
        ("tg:nodes:eu", "n1", large.as_str()),
    ] {
        let call = FunctionCall {
            name: "tg_node",
            keys: vec![key.to_owned()],
            args: vec![name.into(), "a".into(), line.into(), "7000".into()],
            read_only: false,
        };
        let answer = NodeLine::answer(&site.call(&call));
        assert!(
            matches!(answer, Err(CallError::BadCall(_))),
            "{key} {name} {line:.20}"
        );
    }
}
