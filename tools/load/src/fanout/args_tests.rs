use std::collections::BTreeSet;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn args(more: &[&str]) -> Args {
    let words = ["load", "--subject", "floor", "--url", "ws://127.0.0.1:9"];
    Line::try_parse_from(words.iter().chain(more)).unwrap().args
}

#[test]
fn what_cannot_be_is_said_before_anything_is_opened() {
    assert!(args(&[]).check().is_ok());
    for (more, told) in [
        (&["--payload-bytes", "29"][..], "at least 30"),
        (&["--payload-bytes", "4001"], "4000 at most"),
        (&["--rooms", "many:2"], "only tidegate"),
        (&["--viewers", "15001", "--processes", "1"], "2 at least"),
        (&["--viewers", "2", "--processes", "3"], "not more than"),
        (
            &["--rate", "100000", "--seconds", "3600"],
            "messages at most",
        ),
    ] {
        let error = args(more).check().unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let mut tidegate = args(&["--rooms", "zipf:10", "--viewers", "9"]);
    tidegate.subject = Subject::Tidegate;
    assert!(
        tidegate
            .check()
            .unwrap_err()
            .to_string()
            .contains("as many")
    );
    tidegate.rooms = Spread::One;
    tidegate.messages_per_frame = 2;
    assert!(tidegate.check().unwrap_err().to_string().contains("itself"));
}

#[test]
fn processes_have_addresses_of_their_own_on_loopback_only() {
    let mut job = args(&["--viewers", "100000"]).job().unwrap();
    assert_eq!(job.processes, 7);
    let all: Vec<Ipv4Addr> = (0..limits::PROCESSES)
        .flat_map(|process| sources(&job, process))
        .collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    for source in &all {
        let [first, second, third, fourth] = source.octets();
        assert_eq!((first, second), (127, 0), "{source}");
        assert!(
            (1..=8).contains(&third) && (1..=250).contains(&fourth),
            "{source}"
        );
    }
    job.targets[0].addr = "10.0.0.1:1".parse().unwrap();
    assert!(sources(&job, 0).is_empty());
}
