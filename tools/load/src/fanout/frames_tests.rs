use super::*;

/// Frames as text, so that they can be compared after their bytes have gone.
fn read(partial: &mut Partial, input: &[u8], found: &mut Vec<String>) -> Result<(), BadFrame> {
    partial.read(input, |frame, bytes| {
        found.push(match frame {
            Frame::Message(payload) => format!("{bytes} message {}", payload.len()),
            Frame::Packed(payload) => format!("{bytes} packed {}", payload.len()),
            Frame::Ping(payload) => format!("{bytes} ping {}", payload.len()),
            Frame::Close(code) => format!("{bytes} close {code:?}"),
            Frame::Pong => format!("{bytes} pong"),
        });
        Ok(())
    })
}

fn several() -> Vec<u8> {
    let mut bytes = Vec::new();
    server_text(&mut bytes, b"");
    server_text(&mut bytes, &[b'a'; 125]);
    bytes.extend_from_slice(&[0x89, 2, b'h', b'i', 0x8a, 0]);
    server_text(&mut bytes, &[b'b'; 126]);
    server_text(&mut bytes, &[b'c'; 66_000]);
    bytes.extend_from_slice(&[0xc1, 1, 0, 0x82, 1, 0, 0x88, 2, 0x03, 0xf4, 0x88, 0]);
    bytes
}

const ALL: [&str; 10] = [
    "2 message 0",
    "127 message 125",
    "4 ping 2",
    "2 pong",
    "130 message 126",
    "66010 message 66000",
    "3 packed 1",
    "3 message 1",
    "4 close Some(1012)",
    "2 close None",
];

#[test]
fn frames_are_the_same_wherever_reads_part_them() {
    let bytes = several();
    for at in (0..300)
        .chain(bytes.len() - 66_020..bytes.len() - 65_980)
        .chain(bytes.len() - 20..bytes.len())
    {
        let (mut partial, mut found) = (Partial::default(), Vec::new());
        read(&mut partial, &bytes[..at], &mut found).unwrap();
        read(&mut partial, &bytes[at..], &mut found).unwrap();
        assert_eq!(found, ALL, "parted at {at}");
        assert_eq!(partial.0.capacity(), 0, "memory is kept between frames");
    }
}

#[test]
fn frames_are_the_same_byte_by_byte() {
    let (mut partial, mut found) = (Partial::default(), Vec::new());
    for byte in several() {
        read(&mut partial, &[byte], &mut found).unwrap();
    }
    assert_eq!(found, ALL);
}

#[test]
fn what_no_server_may_send_is_refused() {
    for (bytes, why) in [
        (&[0x01, 0][..], BadFrame::Fragment),
        (&[0x80, 0], BadFrame::Fragment),
        (&[0xc9, 0], BadFrame::Malformed),
        (&[0xa1, 0], BadFrame::Malformed),
        (&[0x83, 0], BadFrame::Malformed),
        (&[0x81, 0x80], BadFrame::Malformed),
        (&[0x81, 127, 0, 0, 0, 0, 1, 0, 0, 0], BadFrame::TooLong),
        (
            &[0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255],
            BadFrame::TooLong,
        ),
    ] {
        let found = read(&mut Partial::default(), bytes, &mut Vec::new());
        assert_eq!(found, Err(why), "{bytes:?}");
    }
}

#[test]
fn an_answers_head_may_come_in_pieces_with_frames_after_it() {
    let mut partial = Partial::default();
    assert_eq!(partial.head(b"HTTP/1.1 101 X\r\n\r"), Ok(None));
    let found = partial.head(b"\n\x81\x00").unwrap().unwrap();
    assert_eq!(found.head, b"HTTP/1.1 101 X\r\n\r\n");
    assert_eq!(found.after, b"\x81\x00");
    assert_eq!(
        partial.head(&vec![b'x'; HEAD_BYTES + 1]),
        Err(BadFrame::TooLong)
    );
}

#[test]
fn a_client_masks_with_zeros() {
    let mut bytes = Vec::new();
    client_text(&mut bytes, "hi");
    client_pong(&mut bytes, b"");
    assert_eq!(
        bytes,
        [0x81, 0x82, 0, 0, 0, 0, b'h', b'i', 0x8a, 0x80, 0, 0, 0, 0]
    );
}
