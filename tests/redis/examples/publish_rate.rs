//! How many `tg_publish` one Redis takes, against a plain XADD of the same entry: a way to size regions.
//!
//! `cargo run --release -p redis-tests --example publish_rate [CALLS]`

use std::time::Instant;

use redis::{Connection, Pipeline};
use redis_tests::RedisServer;
use tidegate_stream::calls::{
    Bounds, Control, FunctionCall, Publish, Published, Verb, load_command,
};
use tidegate_stream::shard::ShardCount;
use tidegate_stream::{Keys, RoomId};

/// Commands on their way at once: enough that Redis, not the way to it, is what is measured.
const PIPELINE: usize = 64;
/// Rooms that are written into in turn.
const ROOMS: usize = 100;

fn main() {
    let calls: usize = match std::env::args().nth(1).map(|calls| calls.parse()) {
        None => 100_000,
        Some(Ok(calls)) => calls,
        Some(Err(_)) => {
            eprintln!("usage: publish_rate [CALLS]");
            std::process::exit(64);
        }
    };
    let server = RedisServer::start();
    let mut redis = redis::Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("the server was just started");
    let keys = Keys::new("tg", ShardCount::default());
    let commands = prepare(&mut redis, &keys);

    let plain = measure(&mut redis, calls, |n| plain_entry(n % ROOMS));
    show("XADD, one stream", calls, plain);
    let publish = measure(&mut redis, calls, |n| commands[n % ROOMS].clone());
    show("tg_publish", calls, publish);
    println!(
        "of XADD's rate: {:.3}, by CPU {:.3}",
        plain.took_s / publish.took_s,
        plain.cpu_s / publish.cpu_s
    );
}

/// What many calls took.
#[derive(Clone, Copy)]
struct Taken {
    took_s: f64,
    /// The server's own, user and system: what counts when others share the machine.
    cpu_s: f64,
}

fn show(what: &str, calls: usize, taken: Taken) {
    let calls = calls as f64;
    println!(
        "{what:<18} {:>8.0}/s {:>8.0}/CPU-s {:>6.1} us CPU",
        calls / taken.took_s,
        calls / taken.cpu_s,
        taken.cpu_s / calls * 1e6
    );
}

fn server_cpu_s(redis: &mut Connection) -> f64 {
    let report: String = redis::cmd("INFO")
        .arg("cpu")
        .query(redis)
        .unwrap_or_else(|error| panic!("{error}"));
    ["used_cpu_user:", "used_cpu_sys:"]
        .iter()
        .filter_map(|name| report.lines().find_map(|line| line.strip_prefix(name)))
        .filter_map(|seconds| seconds.trim().parse::<f64>().ok())
        .sum()
}

/// Loads the library and makes the rooms; a publish for each.
fn prepare(redis: &mut Connection, keys: &Keys) -> Vec<Vec<Vec<u8>>> {
    run(redis, &load_command());
    let region = "eu".parse().expect("a region's name");
    let subject = "bench-subject".parse().expect("a subject's name");
    let bounds = Bounds::default();
    let mut commands = Vec::with_capacity(ROOMS);
    for n in 0..ROOMS {
        let room: RoomId = format!("bench.room-{n}").parse().expect("a room's name");
        let create = Control {
            region: &region,
            room: &room,
            verb: Verb::Create {
                owner: &subject,
                fields: &[],
            },
            by: None,
            right: tidegate_stream::calls::Right::Scope,
            trace: "",
        };
        run(redis, &create.call(keys, &bounds).command());
        let publish = Publish {
            info: INFO,
            trace: TRACE,
            ..Publish::plain(&region, &room, Published::Chat, &subject, DATA)
        };
        let call: FunctionCall = publish.call(keys, &bounds);
        commands.push(call.command());
    }
    commands
}

const INFO: &str = "{\"name\":\"Bench\",\"level\":7}";
const DATA: &str = "{\"text\":\"A line of chat that is neither long nor short, as they come.\"}";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn plain_entry(room: usize) -> Vec<Vec<u8>> {
    let room = format!("bench.room-{room}");
    [
        "XADD",
        "plain",
        "MAXLEN",
        "~",
        "100000",
        "*",
        "v",
        "1",
        "room",
        &room,
        "kind",
        "chat",
        "lane",
        "chat",
        "sub",
        "bench-subject",
        "info",
        INFO,
        "data",
        DATA,
        "at_ms",
        "1732400000000",
        "key",
        "",
        "hash",
        "0123456789abcdef0123456789abcdef",
        "trace",
        TRACE,
        "sp",
        "1732400000000-0",
        "rp",
        "1732400000000-0",
    ]
    .into_iter()
    .map(|word| word.as_bytes().to_vec())
    .collect()
}

fn command(words: &[Vec<u8>]) -> redis::Cmd {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word.as_slice());
    }
    command
}

fn run(redis: &mut Connection, words: &[Vec<u8>]) {
    command(words)
        .exec(redis)
        .unwrap_or_else(|error| panic!("{error}"));
}

fn measure(redis: &mut Connection, calls: usize, words: impl Fn(usize) -> Vec<Vec<u8>>) -> Taken {
    let batches: Vec<Pipeline> = (0..calls)
        .collect::<Vec<_>>()
        .chunks(PIPELINE)
        .map(|chunk| {
            let mut pipeline = redis::pipe();
            for &n in chunk {
                pipeline.add_command(command(&words(n))).ignore();
            }
            pipeline
        })
        .collect();
    let cpu_s = server_cpu_s(redis);
    let started = Instant::now();
    for batch in batches {
        batch.exec(redis).unwrap_or_else(|error| panic!("{error}"));
    }
    Taken {
        took_s: started.elapsed().as_secs_f64(),
        cpu_s: server_cpu_s(redis) - cpu_s,
    }
}
