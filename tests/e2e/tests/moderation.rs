//! Moderation: the default judge's words in disguise, judges that are broken, and one in another language.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use e2e::host::Host;
use e2e::process::binary;
use e2e::token::token;
use e2e::{Edge, Options, Reply, System, judge, soon};
use redis::Commands;
use serde_json::{Value, json};
use tempfile::TempDir;

const ROOM: &str = "demo.judged";

/// Another room of the namespace, to ask whether rules are in force without leaving a trace in the first.
const ASKED: &str = "demo.asked";

fn say(system: &System, text: &str) -> Reply {
    say_to(&system.edge, ROOM, text)
}

fn say_to(edge: &Edge, room: &str, text: &str) -> Reply {
    let body = json!({"kind":"chat","data":{"text":text}});
    edge.publish(room, &token("alice", "publish"), "", &body)
}

/// What the host answers by itself once it has ended the instance: `docs/moderation.md` says so of each.
fn ended(reply: &Reply) {
    let host = Host::chosen();
    let reply = reply.clone().expect(host.ended_status());
    match host {
        Host::EdgeHost => {
            let reply = reply.problem(503);
            assert_eq!(reply.header("retry-after"), Some("1"));
        }
        Host::Spin => assert_eq!(reply.text, ""),
    }
}

/// Says what makes the judge take its instance along, which the host notices.
fn ended_within(system: &System, text: &str) {
    let asked = Instant::now();
    ended(&say(system, text));
    assert!(asked.elapsed() < Duration::from_secs(15), "{text}");
}

/// Waits until a text is answered so: rules are looked up every five seconds.
fn until(system: &System, text: &str, status: u16) {
    soon(&format!("{text} is answered {status}"), || {
        (say_to(&system.edge, ASKED, text).status == status).then_some(())
    });
}

/// The texts of the room's history, in order.
fn history(system: &System) -> Vec<String> {
    let path = format!("/v1/rooms/{ROOM}/messages?limit=100");
    let page = system.edge.call("GET", &path, "", &Value::Null).expect(200);
    let messages = page.json()["messages"].as_array().cloned();
    messages
        .unwrap_or_default()
        .iter()
        .filter(|message| message["kind"] == "chat")
        .map(|message| message["data"]["text"].as_str().unwrap_or("?").to_owned())
        .collect()
}

fn put(system: &System, rules: &str, version: &str) {
    let fields = [("version", version), ("body", rules)];
    let () = system
        .redis()
        .hset_multiple("tg:rules:demo", &fields)
        .expect("HSET");
}

fn with_judge(tables: &str, options: Options, folder: &Path) -> System {
    let system = System::with(
        0,
        Options {
            manifest: Some(judge::manifest_with(tables, folder)),
            ..options
        },
    );
    system.room(ROOM);
    system.room(ASKED);
    system
}

fn xtask(system: &System, arguments: &[&str], file: Option<&Path>) -> Output {
    let mut command = Command::new(binary("xtask"));
    command.arg("rules").args(arguments).args(file);
    if arguments[0] != "check" {
        command.args(["--redis-url", &system.redis.url()]);
    }
    command.output().expect("xtask runs")
}

#[test]
fn words_in_disguise_are_found_and_rules_change_without_a_restart() {
    let system = System::start(1);
    system.room(ROOM);
    system.room(ASKED);
    let mut viewer = system.viewer(0, ROOM, "bob");
    say(&system, "casino spam").expect(202);

    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("rules.json");
    let words = [
        ("spam", "replace"),
        ("casino", "shadow"),
        ("大陆", "reject"),
        ("大陆架", "allow"),
    ]
    .map(|(word, act)| json!({"word": word, "do": act}));
    std::fs::write(&file, json!({ "words": words }).to_string()).expect("a file");
    assert!(xtask(&system, &["check"], Some(&file)).status.success());
    let put = xtask(&system, &["put", "demo"], Some(&file));
    assert!(put.status.success(), "{put:?}");
    until(&system, "大陆", 422);

    let told = say(&system, "说大\u{200B}陆吗").problem(422);
    assert_eq!(told.str("code"), "rejected");
    say(&system, "东海大陆架").expect(202);
    // Cyrillic, full width, digits.
    say(&system, "ѕраm, ＳＰＡＭ and 5p4m!").expect(202);
    let shadowed = say(&system, "c4s1no").expect(202);
    assert!(shadowed.json()["id"].is_string());
    say(&system, "the last").expect(202);
    let told = history(&system);
    assert_eq!(
        told,
        [
            "casino spam",
            "东海大陆架",
            "****, **** and ****!",
            "the last"
        ]
    );
    let seen = viewer.messages(ROOM, &Value::Null, 4);
    let seen: Vec<_> = seen.iter().map(|one| one["data"]["text"].clone()).collect();
    assert_eq!(seen, told);

    std::fs::write(&file, r#"{"words":[{"word":"a","do":"ban"}]}"#).expect("a file");
    let bad = xtask(&system, &["put", "demo"], Some(&file));
    let said = String::from_utf8_lossy(&bad.stderr).into_owned();
    assert!(
        !bad.status.success() && said.contains("allow|replace|shadow|reject"),
        "{said}"
    );
    assert!(xtask(&system, &["drop", "demo"], None).status.success());
    until(&system, "大陆", 202);
}

#[test]
fn a_judge_that_hangs_or_babbles_publishes_nothing_and_one_that_traps_harms_no_other_request() {
    let folder = TempDir::new().expect("a folder");
    let system = with_judge(&judge::broken(), Options::default(), folder.path());
    say(&system, "first").expect(202);
    // This one is judged by the call that may wait.
    say(&system, "later").expect(202);
    for text in ["hang", "babble", "flood"] {
        let asked = Instant::now();
        let told = say(&system, text).problem(503);
        assert_eq!(told.str("code"), "unjudged", "{text}");
        assert!(told.header("retry-after").is_some());
        assert!(asked.elapsed() < Duration::from_secs(2), "{text}");
    }
    // The host ends the whole instance, so what the caller gets is the host's own answer; the next one is served anew.
    for text in ["trap", "hoard"] {
        ended_within(&system, text);
        say(&system, "the next").expect(202);
    }
    put(&system, "refuse", "1");
    until(&system, "by rules that are not taken", 503);
    let told = history(&system);
    assert!(told.iter().any(|one| one == "later"), "{told:?}");
    for text in ["hang", "babble", "flood", "trap", "hoard"] {
        assert!(!told.iter().any(|one| one == text), "{text} in {told:?}");
    }
}

#[test]
fn a_judge_that_computes_without_an_end_is_ended() {
    let folder = TempDir::new().expect("a folder");
    let system = with_judge(&judge::broken(), Options::default(), folder.path());
    ended_within(&system, "spin");
    say(&system, "the next").expect(202);
    // While one computes without an end, others wait or are served; what is lost is what its instance had taken, 15 at most.
    let edge = system.edge.clone();
    let endless = std::thread::spawn(move || ended(&say_to(&edge, ROOM, "spin")));
    let path = format!("/v1/rooms/{ROOM}");
    let read = || system.edge.call("GET", &path, "", &Value::Null).status;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..20).map(|_| scope.spawn(read)).collect();
        readers
            .into_iter()
            .map(|reader| reader.join().expect("a status"))
            .collect()
    });
    endless.join().expect("it was ended");
    let own = Host::chosen().ended_status();
    let lost = statuses.iter().filter(|&&status| status == own).count();
    let served = statuses.iter().filter(|&&status| status == 200).count();
    assert!(lost <= 15 && lost + served == 20, "{statuses:?}");
    assert_eq!(history(&system), ["the next"]);
}

#[test]
fn where_it_is_configured_so_what_is_not_judged_is_published_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    let options = Options {
        variables: vec![("moderation_when_broken", "allow".to_owned())],
        ..Options::default()
    };
    let mut system = with_judge(&judge::broken(), options, folder.path());
    for text in ["hang", "babble", "flood"] {
        say(&system, text).expect(202);
    }
    // No configuration helps against a trap: the router is in the same instance.
    ended(&say(&system, "trap"));
    say(&system, "after").expect(202);
    assert_eq!(history(&system), ["hang", "babble", "flood", "after"]);
    let log = system.edge_process().log();
    assert!(log.contains("was not judged by moderation"), "{log}");

    let own = [
        ("version", "1"),
        ("body", r#"{"moderation_when_broken":"reject"}"#),
    ];
    let () = system
        .redis()
        .hset_multiple("tg:ns:demo", &own)
        .expect("HSET");
    until(&system, "babble", 503);
}

#[test]
fn a_judge_in_python_takes_the_place_of_the_default_one_by_the_manifest_alone() {
    let folder = TempDir::new().expect("a folder");
    let system = with_judge(&judge::python(), Options::default(), folder.path());
    say(&system, "b4d before the rules").expect(202);
    let rules = folder.path().join("patterns.json");
    let patterns = [
        ("b[a4]d", "replace"),
        ("c.sino", "reject"),
        ("psst", "shadow"),
    ]
    .map(|(pattern, act)| json!({"pattern": pattern, "do": act}));
    std::fs::write(&rules, json!({ "patterns": patterns }).to_string()).expect("a file");
    let put = xtask(&system, &["put", "demo", "--unchecked"], Some(&rules));
    assert!(put.status.success(), "{put:?}");
    until(&system, "CASINO", 422);
    assert_eq!(
        say(&system, "casino").problem(422).str("detail"),
        "the message is not allowed here"
    );
    say(&system, "a B4D word, 好").expect(202);
    say(&system, "psst").expect(202);
    say(&system, "the last").expect(202);
    assert_eq!(
        history(&system),
        ["b4d before the rules", "a *** word, 好", "the last"]
    );
}

#[test]
fn words_on_the_list_are_rejected_masked_or_shown_to_their_sender_only() {
    let system = System::start(1);
    let rules = json!({"words":[{"word":"darn","do":"replace"},{"word":"spam","do":"shadow"},{"word":"scam","do":"reject"}]});
    let mut redis = system.redis();
    let () = redis::cmd("HSET")
        .arg("tg:rules:e2e")
        .arg("version")
        .arg("1")
        .arg("body")
        .arg(rules.to_string())
        .query(&mut redis)
        .expect("HSET");
    system.room("e2e.words");
    let mut viewer = system.viewer(0, "e2e.words", "bob");
    let alice = token("alice", "publish");
    system
        .edge
        .publish(
            "e2e.words",
            &alice,
            "",
            &json!({"kind":"chat","data":{"text":"a SCAM it is"}}),
        )
        .problem(422);
    let hidden = system
        .edge
        .publish(
            "e2e.words",
            &alice,
            "",
            &json!({"kind":"chat","data":{"text":"buy spam"}}),
        )
        .expect(202)
        .json();
    let shown = system
        .edge
        .publish(
            "e2e.words",
            &alice,
            "",
            &json!({"kind":"chat","data":{"text":"darn it"}}),
        )
        .expect(202)
        .json();
    assert_ne!(hidden["id"], shown["id"]);
    let got = viewer.messages("e2e.words", &Value::Null, 1);
    assert_eq!(got[0]["id"], shown["id"], "{got:?}");
    let text = got[0]["data"]["text"].as_str().expect("a text");
    assert!(!text.contains("darn") && text.ends_with("it"), "{text}");
}
