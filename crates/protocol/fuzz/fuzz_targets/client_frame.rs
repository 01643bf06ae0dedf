//! A text message of a client; and the same text as an entry's `data`, which must not break a batch.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_protocol::frames::{ClientFrame, Message, MessageText};
use tidegate_stream::{Entry, Kind, StreamId};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(frame) = ClientFrame::parse(text) {
        let mut out = Vec::new();
        frame.write(&mut out);
        let again = std::str::from_utf8(&out).unwrap();
        assert_eq!(ClientFrame::parse(again), Ok(frame));
    }
    let entry = Entry {
        id: StreamId::ZERO,
        room: None,
        kind: Kind::Chat,
        sub: text.to_owned(),
        info: String::new(),
        data: text.to_owned(),
        at_ms: 0,
        key: String::new(),
        shard_previous: StreamId::ZERO,
        room_previous: StreamId::ZERO,
        hidden: false,
    };
    let message = MessageText::new(&"local".parse().unwrap(), &entry).unwrap();
    let bytes = message.as_bytes();
    assert!(!bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r')));
    let read: Message = serde_json::from_slice(bytes).unwrap();
    assert_eq!(read.sub, text);
    if let Ok(given) = serde_json::from_str::<serde_json::Value>(text)
        && !message.is_damaged()
    {
        assert_eq!(read.data.unwrap_or_default(), given);
    }
});
