//! A request head: never a panic, bounds kept, every answer whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_protocol::limits;
use tidegate_protocol::upgrade::{Origins, Parsed, Readiness, Request, parse};

fuzz_target!(|data: &[u8]| {
    let origins = Origins::parse("https://live.example,http://localhost:8080").unwrap();
    let mut out = Vec::new();
    match parse(data, &origins) {
        Ok(Parsed::Incomplete) => {
            assert!(data.len() < limits::HEAD_BYTES);
            return;
        }
        Ok(Parsed::Request(request, bytes)) => {
            assert!(bytes <= data.len().min(limits::HEAD_BYTES));
            match request {
                Request::Connect(connect) => connect.answer(&mut out),
                Request::Events(events) => {
                    assert!((1..=limits::TICKET_BYTES).contains(&events.ticket.len()));
                    events.answer(&mut out);
                }
                Request::Probe(probe) => probe.answer(Readiness::Draining, &mut out),
            }
        }
        Err(refused) => refused.write(&mut out),
    }
    assert!(out.starts_with(b"HTTP/1.1 "));
    assert!(out.windows(4).any(|end| end == b"\r\n\r\n"));
});
