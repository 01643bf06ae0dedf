//! What all three reports have in common: what the crowd saw, promises, how numbers are shown.

use std::process::ExitCode;

use serde_json::Value;

use super::Common;
use crate::drill::table;
use crate::progress::Progress;

/// Promises that were broken, each a sentence.
#[derive(Debug, Default)]
pub struct Broken(Vec<String>);

impl Broken {
    /// Notes a promise that was not kept.
    pub fn hold(&mut self, kept: bool, sentence: impl Into<String>) {
        if !kept {
            self.0.push(sentence.into());
        }
    }

    /// What each of these drills promises of its crowd in the end.
    pub fn hold_crowd(&mut self, settled: &Value) {
        let seen = &settled["seen"];
        self.hold(
            number(&seen["delivered"]) > 0,
            "nothing was delivered, so nothing was tested",
        );
        for (name, what) in [
            (
                "lost",
                "deliveries of gifts and control messages are missing",
            ),
            ("repeated", "deliveries came twice"),
            ("reordered", "deliveries came out of order"),
            (
                "chat_lost",
                "lines of chat are missing and no frame said so",
            ),
            ("resets", "times a viewer lost its place in history"),
        ] {
            let count = number(&seen[name]);
            self.hold(count == 0, format!("{count} {what}"));
        }
        for (count, what) in [
            (
                &settled["incomplete"],
                "viewers had not got everything after a minute",
            ),
            (
                &settled["likes_wrong"],
                "viewers were told another number of likes than were given",
            ),
            (
                &settled["sockets"]["refusals"],
                "frames or closes that no viewer who keeps the rules should get",
            ),
            (
                &settled["hostile"]["wrong"],
                "sockets that broke the rules got another answer than documented",
            ),
        ] {
            let count = number(count);
            self.hold(count == 0, format!("{count} {what}"));
        }
    }

    /// The sentences.
    pub fn into_value(self) -> Value {
        self.0.into()
    }
}

/// Rows about what the crowd saw.
pub fn crowd_rows(settled: &Value) -> Vec<(String, String)> {
    let (seen, sockets) = (&settled["seen"], &settled["sockets"]);
    let published = settled["published"].as_array().cloned().unwrap_or_default();
    let [chat, gifts, control] = [0, 1, 2].map(|at| published.get(at).map_or(0, number));
    let row = |name: &str, value: String| (name.to_owned(), value);
    vec![
        row(
            "published",
            format!(
                "chat {chat}  gifts {gifts}  control {control}  likes {}",
                settled["likes"]
            ),
        ),
        row("delivered", seen["delivered"].to_string()),
        row(
            "lost, repeated, out of order",
            format!(
                "{}, {}, {}",
                seen["lost"], seen["repeated"], seen["reordered"]
            ),
        ),
        row(
            "chat left out and said so",
            format!(
                "{} of it missing, {} said",
                seen["chat_missing"], seen["left_out"]
            ),
        ),
        row(
            "sockets",
            format!(
                "opened {}  resumed {}  left {}  sent away {}  sent back by 503 {}  broken {}",
                sockets["opened"],
                sockets["resumed"],
                sockets["left"],
                sockets["moved"],
                sockets["sent_back"],
                sockets["broken"]
            ),
        ),
        row("closed by nodes, by code", sockets["closed"].to_string()),
    ]
}

/// Times, ms.
pub fn times(micros: &Value) -> String {
    if micros.is_null() {
        return "none".to_owned();
    }
    let ms = |name: &str| number(&micros[name]) as f64 / 1_000.0;
    format!(
        "p50 {:.1}  p99 {:.1}  max {:.1}  ({} times)",
        ms("p50_us"),
        ms("p99_us"),
        ms("max_us"),
        micros["count"]
    )
}

/// Bytes as MiB.
pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// A count; 0 when there is none.
pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// Prints a report, and says whether every promise was kept.
pub fn print(
    report: &Value,
    rows: &[(String, String)],
    common: &Common,
    progress: &Progress,
) -> ExitCode {
    if common.json {
        println!("{report}");
    } else {
        println!("{}", table::shown(report, rows, progress));
    }
    match report["broken"].as_array().is_some_and(Vec::is_empty) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settled() -> Value {
        json!({
            "published": [12, 3, 1], "likes": 4, "incomplete": 0, "likes_wrong": 0,
            "seen": {"delivered": 160, "lost": 0, "repeated": 0, "reordered": 0, "chat_missing": 2, "left_out": 2,
                "chat_lost": 0, "resets": 0},
            "sockets": {"opened": 10, "refusals": 0, "closed": {"4411": 2}},
            "hostile": {"right": {"no HTTP": 1}, "wrong": 0},
        })
    }

    fn broken(settled: &Value) -> Vec<String> {
        let mut broken = Broken::default();
        broken.hold_crowd(settled);
        broken.0
    }

    #[test]
    fn each_promise_can_be_broken() {
        assert_eq!(broken(&settled()), Vec::<String>::new());
        for (pointer, words) in [
            (
                "/seen/lost",
                "1 deliveries of gifts and control messages are missing",
            ),
            ("/seen/repeated", "1 deliveries came twice"),
            ("/seen/reordered", "out of order"),
            ("/seen/chat_lost", "no frame said so"),
            ("/seen/resets", "place in history"),
            ("/incomplete", "had not got everything"),
            ("/likes_wrong", "number of likes"),
            ("/sockets/refusals", "keeps the rules"),
            ("/hostile/wrong", "than documented"),
        ] {
            let mut bad = settled();
            *bad.pointer_mut(pointer).unwrap() = json!(1);
            let broken = broken(&bad);
            assert!(broken.len() == 1 && broken[0].contains(words), "{broken:?}");
        }
        let mut nothing = settled();
        nothing["seen"]["delivered"] = json!(0);
        assert!(broken(&nothing)[0].contains("nothing was tested"));
    }

    #[test]
    fn rows_have_the_figures() {
        let text = format!("{:?}", crowd_rows(&settled()));
        for words in [
            "chat 12  gifts 3  control 1  likes 4",
            "2 of it missing",
            "4411",
        ] {
            assert!(text.contains(words), "{text}");
        }
        let micros = json!({"count": 3, "p50_us": 1_200, "p99_us": 9_000, "max_us": 9_100});
        assert_eq!(times(&micros), "p50 1.2  p99 9.0  max 9.1  (3 times)");
    }
}
