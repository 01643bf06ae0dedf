//! Sockets that break the rules: each must be answered as `docs/protocol.md` says, whatever else goes on.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::frame;
use crate::script::progress;

/// How long an answer may take: handshakes and `hello` have 5 s.
const PATIENCE: Duration = Duration::from_secs(12);
const LOOK: Duration = Duration::from_millis(20);
/// Threads that do it; those who wait for a time-out hold one for 5 s.
const THREADS: usize = 8;
/// Wrong answers that are told in words.
const TOLD: usize = 5;

/// What must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// A refusal of the handshake.
    Status(u16),
    /// A close code.
    Close(u16),
}

/// What is sent, and after what.
enum Sent {
    /// Instead of a handshake.
    Raw(Vec<u8>),
    /// After the upgrade, without `hello`.
    Unannounced(Vec<u8>),
    /// After `hello`.
    Greeted(Vec<u8>),
}

struct Case {
    what: &'static str,
    sent: Sent,
    answer: Answer,
}

/// What became of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Outcomes {
    /// Answered as they should be, by what was sent.
    pub right: BTreeMap<&'static str, u64>,
    /// Answered otherwise, or not at all.
    pub wrong: u64,
    /// The first wrong answers.
    pub told: Vec<String>,
    /// Not counted: the node was being restarted, or sent the socket back with 503.
    pub void: u64,
}

/// Everything that is shared with the threads.
pub struct Hostile {
    nodes: Vec<(SocketAddr, AtomicU64)>,
    /// Sockets in a thousand seconds.
    rate: AtomicU64,
    outcomes: Mutex<Outcomes>,
}

fn case(what: &'static str, sent: Sent, answer: Answer) -> Case {
    Case { what, sent, answer }
}

fn request(head: &str) -> Sent {
    Sent::Raw(format!("{head}\r\nHost: drill\r\n\r\n").into_bytes())
}

fn text(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame::masked(&mut frame, 1, payload);
    frame
}

fn other(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame::masked(&mut frame, opcode, payload);
    frame
}

fn cases() -> Vec<Case> {
    use Answer::{Close, Status};
    use Sent::{Greeted, Raw, Unannounced};
    let long = format!(
        "GET /v1/connect HTTP/1.1\r\nHost: drill\r\nX: {}",
        "x".repeat(9_000)
    );
    let many = text(br#"{"type":"ping"}"#).repeat(200);
    // Only the head: what it announces is refused before it comes.
    let huge = [&[0x81, 0xff][..], &(1u64 << 40).to_be_bytes(), &[0; 4]].concat();
    vec![
        case(
            "no HTTP",
            Raw(b"\x16\x03\x01 nonsense\r\n\r\n".to_vec()),
            Status(400),
        ),
        case(
            "another path",
            request("GET /v1/nothing HTTP/1.1"),
            Status(404),
        ),
        case(
            "another method",
            request("POST /v1/connect HTTP/1.1"),
            Status(405),
        ),
        case(
            "no upgrade",
            request("GET /v1/connect HTTP/1.1"),
            Status(426),
        ),
        case("a long head", Raw(long.into_bytes()), Status(431)),
        case(
            "half a handshake",
            Raw(b"GET /v1/connect HTTP/1.1\r\nHost: dr".to_vec()),
            Status(408),
        ),
        case(
            "an unmasked frame",
            Greeted(vec![0x81, 2, b'{', b'}']),
            Close(1002),
        ),
        case("a reserved bit", Greeted(other(0x41, b"{}")), Close(1002)),
        case("an unknown opcode", Greeted(other(3, b"")), Close(1002)),
        case("a long ping", Greeted(other(9, &[b'x'; 126])), Close(1002)),
        case(
            "a continuation of nothing",
            Greeted(other(0, b"x")),
            Close(1002),
        ),
        case("binary", Greeted(other(2, b"{}")), Close(1003)),
        case("broken UTF-8", Greeted(text(b"\xff\xfe")), Close(1007)),
        case("a huge frame", Greeted(huge), Close(1009)),
        case("no JSON", Greeted(text(b"hello")), Close(4400)),
        case(
            "an unknown type",
            Greeted(text(br#"{"type":"publish"}"#)),
            Close(4400),
        ),
        case("a second hello", Greeted(text(HELLO)), Close(4401)),
        case(
            "no hello first",
            Unannounced(text(br#"{"type":"ping"}"#)),
            Close(4401),
        ),
        case("no hello at all", Unannounced(Vec::new()), Close(4408)),
        case("too many frames", Greeted(many), Close(4429)),
    ]
}

const HELLO: &[u8] = br#"{"type":"hello","client":"drill","version":"1"}"#;
const UPGRADE: &[u8] =
    b"GET /v1/connect HTTP/1.1\r\nHost: drill\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Protocol: tidegate.v1.json\r\n\r\n";

impl Hostile {
    /// Against these nodes; quiet until a rate is set.
    pub fn new(nodes: &[SocketAddr]) -> Arc<Self> {
        Arc::new(Self {
            nodes: nodes.iter().map(|one| (*one, AtomicU64::new(0))).collect(),
            rate: AtomicU64::new(0),
            outcomes: Mutex::default(),
        })
    }

    /// Sockets a second from now on.
    pub fn set_rate(&self, per_second: f64) {
        self.rate
            .store((per_second * 1_000.0) as u64, Ordering::SeqCst);
    }

    /// A node goes, or comes: whatever is under way there does not count.
    pub fn change(&self, node: usize, is_there: bool) {
        let turns = &self.nodes[node].1;
        let now = turns.load(Ordering::SeqCst);
        if now.is_multiple_of(2) != is_there {
            turns.store(now + 1, Ordering::SeqCst);
        }
    }

    /// What became of them so far.
    pub fn outcomes(&self) -> Outcomes {
        self.outcomes.lock().expect("nobody panics with it").clone()
    }

    /// Starts the threads.
    pub fn start(self: &Arc<Self>) {
        let (cases, next) = (Arc::new(cases()), Arc::new(AtomicU64::new(0)));
        for _ in 0..THREADS {
            let (own, cases, next) = (Arc::clone(self), Arc::clone(&cases), Arc::clone(&next));
            thread::spawn(move || own.run(&cases, &next));
        }
    }

    fn run(&self, cases: &[Case], next: &AtomicU64) {
        let mut due = Instant::now();
        loop {
            let rate = self.rate.load(Ordering::SeqCst);
            if rate == 0 || Instant::now() < due {
                thread::sleep(LOOK);
                continue;
            }
            let each = Duration::from_secs_f64(THREADS as f64 * 1_000.0 / rate as f64);
            due = Instant::now().max(due + each);
            let turn = next.fetch_add(1, Ordering::SeqCst) as usize;
            // Each case comes to each node in time.
            let node = (turn / cases.len() + turn) % self.nodes.len();
            self.attack(&cases[turn % cases.len()], node);
        }
    }

    fn attack(&self, case: &Case, node: usize) {
        let (address, turns) = &self.nodes[node];
        let before = turns.load(Ordering::SeqCst);
        if !before.is_multiple_of(2) {
            return;
        }
        let got = attack(case, *address);
        let mut outcomes = self.outcomes.lock().expect("nobody panics with it");
        let sent_back = matches!(got, Ok(Answer::Status(503)));
        if sent_back || turns.load(Ordering::SeqCst) != before {
            outcomes.void += 1;
        } else if got == Ok(case.answer) {
            *outcomes.right.entry(case.what).or_default() += 1;
        } else {
            outcomes.wrong += 1;
            if outcomes.told.len() < TOLD {
                let told = format!(
                    "{} to node {}: {got:?}, not {:?}",
                    case.what,
                    node + 1,
                    case.answer
                );
                progress(&told);
                outcomes.told.push(told);
            }
        }
    }
}

/// Does it, and gives the answer.
fn attack(case: &Case, address: SocketAddr) -> Result<Answer, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let mut inbox = Vec::new();
    let rest = match &case.sent {
        Sent::Raw(bytes) => {
            stream.write_all(bytes).map_err(failed)?;
            return status(&mut stream, &mut inbox).map(Answer::Status);
        }
        Sent::Unannounced(rest) => rest.clone(),
        Sent::Greeted(rest) => [&text(HELLO), &rest[..]].concat(),
    };
    stream.write_all(UPGRADE).map_err(failed)?;
    match status(&mut stream, &mut inbox)? {
        101 => {}
        refused => return Ok(Answer::Status(refused)),
    }
    // It may be closed while this is written; what it says counts.
    let _ = stream.write_all(&rest);
    loop {
        match frame::first(&inbox).map_err(|error| error.to_string())? {
            Some(wire) if wire.opcode == 8 && wire.whole >= wire.head + 2 => {
                return Ok(Answer::Close(u16::from_be_bytes([
                    inbox[wire.head],
                    inbox[wire.head + 1],
                ])));
            }
            Some(wire) => drop(inbox.drain(..wire.whole)),
            None => more(&mut stream, &mut inbox)?,
        }
    }
}

/// The status of an answer, its head taken off.
fn status(stream: &mut TcpStream, inbox: &mut Vec<u8>) -> Result<u16, String> {
    let end = loop {
        match memchr::memmem::find(inbox, b"\r\n\r\n") {
            Some(end) => break end + 4,
            None => more(stream, inbox)?,
        }
    };
    let digits = inbox
        .get(9..12)
        .and_then(|digits| std::str::from_utf8(digits).ok());
    let status = digits.and_then(|digits| digits.parse().ok());
    inbox.drain(..end);
    status.ok_or_else(|| "an answer without a status".to_owned())
}

fn more(stream: &mut TcpStream, inbox: &mut Vec<u8>) -> Result<(), String> {
    let mut bytes = [0; 4_096];
    match stream.read(&mut bytes) {
        Ok(0) => Err("closed without a word".to_owned()),
        Ok(read) => {
            inbox.extend_from_slice(&bytes[..read]);
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server that says this to whoever comes, once.
    fn says(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4_096]);
            stream.write_all(answer).unwrap();
        });
        address
    }

    fn named(what: &str) -> Case {
        cases().into_iter().find(|case| case.what == what).unwrap()
    }

    #[test]
    fn a_wrong_answer_is_found_and_a_right_one_taken() {
        let upgraded = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02{}\x88\x02\x03\xea";
        for (answer, right, wrong, void) in [
            (&upgraded[..], 1, 0, 0),
            (
                b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x88\x02\x03\xe8",
                0,
                1,
                0,
            ),
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 0, 1, 0),
            (
                b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n",
                0,
                0,
                1,
            ),
        ] {
            let hostile = Hostile::new(&[says(answer)]);
            hostile.attack(&named("an unmasked frame"), 0);
            let outcomes = hostile.outcomes();
            let rights: u64 = outcomes.right.values().sum();
            assert_eq!(
                (rights, outcomes.wrong, outcomes.void),
                (right, wrong, void),
                "{outcomes:?}"
            );
        }
    }

    #[test]
    fn what_a_restart_cuts_short_does_not_count() {
        let hostile = Hostile::new(&[says(b"")]);
        hostile.change(0, true);
        let other = Arc::clone(&hostile);
        other.change(0, false);
        hostile.attack(&named("no HTTP"), 0);
        assert_eq!(hostile.outcomes(), Outcomes::default());
        hostile.change(0, true);
        hostile.attack(&named("no HTTP"), 0);
        assert_eq!(hostile.outcomes().wrong, 1);
    }
}
