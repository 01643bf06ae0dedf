//! The first byte says how the rest is cut into reads, the second what was agreed on. Whole or cut, the same must come out,
//! within the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_protocol::limits::{CONTROL_BYTES, MESSAGE_BYTES};
use tidegate_protocol::frames::SubProtocol;
use tidegate_protocol::ws::{Agreed, Event, Inflater, Parser};

fn run(bytes: &[u8], agreed: Agreed, step: usize) -> Vec<String> {
    let mut inflater = Inflater::default();
    let mut parser = Parser::new();
    let mut seen = Vec::new();
    for part in bytes.chunks(step) {
        let mut input = part.to_vec();
        let mut events = parser.read(&mut input, agreed, &mut inflater);
        loop {
            match events.next() {
                Ok(None) => break,
                Ok(Some(event)) => {
                    match event {
                        Event::Text(text) => {
                            assert_eq!(agreed.sub_protocol, SubProtocol::Json);
                            assert!(text.len() <= MESSAGE_BYTES);
                        }
                        Event::Binary(bytes) => {
                            assert_eq!(agreed.sub_protocol, SubProtocol::Cbor);
                            assert!(bytes.len() <= MESSAGE_BYTES);
                        }
                        Event::Ping(payload) | Event::Pong(payload) => {
                            assert!(payload.len() <= CONTROL_BYTES);
                        }
                        Event::Close(status) => assert!(status.is_none_or(|s| s >= 1000)),
                    }
                    let ends = matches!(event, Event::Close(_));
                    seen.push(format!("{event:?}"));
                    if ends {
                        return seen;
                    }
                }
                Err(code) => {
                    seen.push(code.to_string());
                    return seen;
                }
            }
        }
    }
    seen
}

fuzz_target!(|data: &[u8]| {
    if let [step, agreed, bytes @ ..] = data {
        let step = usize::from(*step).max(1);
        let agreed = Agreed {
            sub_protocol: SubProtocol::ALL[usize::from(agreed & 1)],
            deflate: agreed & 2 != 0,
        };
        assert_eq!(
            run(bytes, agreed, bytes.len().max(1)),
            run(bytes, agreed, step)
        );
    }
});
