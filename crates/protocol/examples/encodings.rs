//! What a batch weighs and costs in each encoding of a WebSocket: bytes of the frame, microseconds of one core.
//!
//!     cargo run --release -p tidegate-protocol --example encodings

use std::hint::black_box;
use std::time::Instant;

use tidegate_protocol::frames::{self, Batch, Counters, LeftOut, MessageText, cbor};
use tidegate_protocol::ws::{self, Deflater};
use tidegate_stream::{Cursor, Entry, Kind, Region, StreamId};

/// Rounds of which the fastest counts: others disturb, nobody helps.
const ROUNDS: usize = 30;
/// Frames in one round.
const FRAMES: u32 = 50;

const WORDS: [&str; 24] = [
    "the", "goal", "was", "offside", "hahaha", "gg", "wow", "from", "brazil", "love", "this",
    "song", "who", "is", "that", "666", "next", "one", "please", "camera", "shakes", "again",
    "nice", "pass",
];

fn message(region: &Region, number: u64) -> MessageText {
    let word = |n: u64| {
        WORDS[(number
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(n as u32 * 7)
            % 24) as usize]
    };
    let text: Vec<&str> = (0..3 + number % 6).map(word).collect();
    let entry = Entry {
        id: StreamId {
            ms: 1_764_000_000_000 + number * 9,
            seq: 0,
        },
        room: None,
        kind: Kind::Chat,
        sub: format!("viewer-{}", number * 7_919 % 90_001),
        info: format!(
            "{{\"name\":\"{} {number}\",\"level\":{}}}",
            word(5),
            number % 30
        ),
        data: format!("{{\"text\":\"{}\"}}", text.join(" ")),
        at_ms: 1_764_000_000_000 + number * 9,
        key: format!("key-{number}"),
        shard_previous: StreamId::ZERO,
        room_previous: StreamId::ZERO,
        hidden: false,
    };
    MessageText::new(region, &entry).expect("chat is a message")
}

fn fastest_us(mut frame: impl FnMut()) -> f64 {
    (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..FRAMES {
                frame();
            }
            begun.elapsed().as_secs_f64() * 1e6 / f64::from(FRAMES)
        })
        .fold(f64::INFINITY, f64::min)
}

fn main() {
    let region: Region = "local".parse().expect("a region");
    let room = "demo.lobby".parse().expect("a room");
    println!(
        "{:>9}  {:<14} {:>8} {:>9}",
        "messages", "encoding", "bytes", "us"
    );
    for count in [1, 3, 10, 30, 100, 300] {
        let messages: Vec<MessageText> = (0..count).map(|n| message(&region, n)).collect();
        let last = StreamId {
            ms: 1_764_000_000_000 + count * 9,
            seq: 0,
        };
        let cursor: Cursor = [(region.clone(), last)].into_iter().collect();
        let head = Batch {
            room: &room,
            cursor: &cursor,
            counters: Some(Counters {
                online: 10_000,
                likes: 123_456,
            }),
            left_out: LeftOut::NONE,
        };
        let texts = || messages.iter().map(MessageText::as_bytes);
        let json = |out: &mut Vec<u8>| frames::batch(out, &head, texts());
        let binary = |out: &mut Vec<u8>| cbor::batch(out, &head, messages.iter());
        let mut deflater = Deflater::default();
        let mut other = Deflater::default();
        let row = |name: &str, frame: &mut dyn FnMut(&mut Vec<u8>)| {
            let mut out = Vec::new();
            frame(&mut out);
            let bytes = out.len();
            let us = fastest_us(|| {
                let mut out = Vec::new();
                frame(&mut out);
                black_box(&out);
            });
            println!("{count:>9}  {name:<14} {bytes:>8} {us:>9.2}");
        };
        row("json", &mut |out| ws::text_frame(out, json));
        row("cbor", &mut |out| ws::binary_frame(out, binary));
        row("json, deflated", &mut |out| deflater.text_frame(out, json));
        row("cbor, deflated", &mut |out| other.binary_frame(out, binary));
    }
}
