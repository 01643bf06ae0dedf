//! A binary message of a client, and the same bytes as a node's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_protocol::frames::{ClientFrame, cbor};

fuzz_target!(|data: &[u8]| {
    let _ = cbor::json(data);
    if let Ok(frame) = ClientFrame::parse_cbor(data) {
        let (mut binary, mut json) = (Vec::new(), Vec::new());
        frame.write_cbor(&mut binary);
        assert_eq!(ClientFrame::parse_cbor(&binary).as_ref(), Ok(&frame));
        // Both sub-protocols take the same, escapes of JSON aside.
        frame.write(&mut json);
        let json = std::str::from_utf8(&json).unwrap();
        assert_eq!(ClientFrame::parse(json), Ok(frame));
    }
});
