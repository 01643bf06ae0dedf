//! A judge that is broken in every way there is, for the tests of what becomes of messages then. Its rules are ignored,
//! but for `refuse`, which it does not take; the message says what goes wrong.

use std::time::Duration;

use spin_sdk::wit_bindgen;

wit_bindgen::generate!({
    path: "../../../wit/moderation",
    world: "tidegate:moderation/provider",
    runtime_path: "::spin_sdk::wit_bindgen::rt",
});

use exports::tidegate::moderation::moderation::{Guest, Message, Verdict};

struct Judge;

impl Guest for Judge {
    fn configure(_namespace: String, _version: String, rules: Vec<u8>) -> Result<(), String> {
        match rules.as_slice() {
            b"refuse" => Err("these rules are not taken".to_owned()),
            _ => Ok(()),
        }
    }

    fn judge_at_once(message: Message) -> Option<Verdict> {
        let waits = message.data.contains("hang") || message.data.contains("later");
        (!waits).then(|| verdict(&message))
    }

    async fn judge(message: Message) -> Verdict {
        if message.data.contains("hang") {
            spin_sdk::time::sleep(Duration::from_secs(3_600)).await;
        }
        verdict(&message)
    }
}

fn verdict(message: &Message) -> Verdict {
    let does = |what: &str| message.data.contains(what);
    if does("trap") {
        panic!("asked to trap");
    }
    if does("spin") {
        loop {
            std::hint::spin_loop();
        }
    }
    if does("hoard") {
        let mut held = Vec::new();
        loop {
            held.push(vec![1_u8; 1 << 20]);
            std::hint::black_box(&held);
        }
    }
    if does("babble") {
        return Verdict::Replace("{".to_owned());
    }
    if does("flood") {
        return Verdict::Replace(format!("\"{}\"", "x".repeat(1 << 20)));
    }
    Verdict::Allow
}

export!(Judge);
