//! The bytes as a client's compressed message; and what we compress is what we would inflate.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_protocol::frames::SubProtocol;
use tidegate_protocol::limits::MESSAGE_BYTES;
use tidegate_protocol::ws::{Agreed, Deflater, Event, Inflater, Parser};

const AGREED: Agreed = Agreed {
    sub_protocol: SubProtocol::Cbor,
    deflate: true,
};

/// A client's frame, its mask all zeroes.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 126..) => {
            bytes.push(0xfe);
            bytes.extend(length.to_be_bytes());
        }
        Ok(length) => bytes.push(0x80 | length as u8),
        Err(_) => unreachable!("a payload fits a message"),
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

fn read(mut bytes: Vec<u8>, inflater: &mut Inflater) -> Option<Vec<u8>> {
    let mut parser = Parser::new();
    let mut events = parser.read(&mut bytes, AGREED, inflater);
    match events.next() {
        Ok(Some(Event::Binary(message))) => {
            assert!(message.len() <= MESSAGE_BYTES);
            Some(message.to_vec())
        }
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    }
}

fuzz_target!(|data: &[u8]| {
    let data = &data[..data.len().min(MESSAGE_BYTES)];
    let mut inflater = Inflater::default();
    let first = read(masked(0xc2, data), &mut inflater);
    // Nothing is kept: the same inflater gives the same again.
    assert_eq!(read(masked(0xc2, data), &mut inflater), first);

    let mut sent = Vec::new();
    Deflater::default().binary_frame(&mut sent, |out| out.extend_from_slice(data));
    let (first, payload) = match sent[1] {
        126 => (sent[0], &sent[4..]),
        _ => (sent[0], &sent[2..]),
    };
    assert_eq!(
        read(masked(first, payload), &mut inflater).as_deref(),
        Some(data)
    );
});
