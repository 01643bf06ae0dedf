//! However the network cuts a client's bytes, the same events come out; and nothing panics.

use crate::support::*;
use proptest::prelude::*;
use proptest::sample::Index;
use tidegate_protocol::ws::Parser;

/// One message: its fragments, and a control frame before each but the first.
#[derive(Debug, Clone)]
struct Message {
    text: String,
    cuts: Vec<Index>,
    control: Option<(bool, Vec<u8>)>,
    key: [u8; 4],
}

fn message() -> impl Strategy<Value = Message> {
    let text = prop_oneof![
        8 => ".{0,40}",
        4 => "[a-z\u{e9}\u{20ac}\u{1f30a}]{0,300}",
        1 => (1_000..=16 * 1024_usize).prop_map(|n| "x".repeat(n)),
    ];
    let control = prop::option::of((any::<bool>(), prop::collection::vec(any::<u8>(), 0..=125)));
    (
        text,
        prop::collection::vec(any::<Index>(), 0..4),
        control,
        any::<[u8; 4]>(),
    )
        .prop_map(|(text, cuts, control, key)| Message {
            text,
            cuts,
            control,
            key,
        })
}

impl Message {
    fn write(&self, bytes: &mut Vec<u8>, expected: &mut Vec<Seen>) {
        let text = self.text.as_bytes();
        let mut cuts: Vec<usize> = self.cuts.iter().map(|c| c.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(text.len());
        let mut from = 0;
        for (index, &to) in cuts.iter().enumerate() {
            if let (1.., Some((ping, payload))) = (index, &self.control) {
                bytes.extend(frame(
                    FIN | if *ping { PING } else { PONG },
                    self.key,
                    payload,
                ));
                expected.push(if *ping {
                    Seen::Ping(payload.clone())
                } else {
                    Seen::Pong(payload.clone())
                });
            }
            let opcode = if index == 0 { TEXT } else { CONTINUATION };
            let fin = if index + 1 == cuts.len() { FIN } else { 0 };
            bytes.extend(frame(fin | opcode, self.key, &text[from..to]));
            from = to;
        }
        expected.push(Seen::Text(self.text.clone()));
    }
}

fn split<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(bytes.len());
    let mut from = 0;
    cuts.into_iter()
        .map(|to| {
            let part = &bytes[from..to];
            from = to;
            part
        })
        .collect()
}

proptest! {
    #[test]
    fn split_equals_whole(messages in prop::collection::vec(message(), 0..4), cuts in prop::collection::vec(any::<Index>(), 0..12)) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for message in &messages {
            message.write(&mut bytes, &mut expected);
        }
        prop_assert_eq!(&read(&bytes), &expected);
        let mut parser = Parser::new();
        prop_assert_eq!(&events(&mut parser, &split(&bytes, &cuts)), &expected);
        prop_assert!(parser.is_idle());
    }

    #[test]
    fn any_bytes_end_alike_whole_or_split(bytes in prop::collection::vec(any::<u8>(), 0..200), cuts in prop::collection::vec(any::<Index>(), 0..6)) {
        prop_assert_eq!(read(&bytes), events(&mut Parser::new(), &split(&bytes, &cuts)));
    }

    #[test]
    fn damaged_frames_end_alike(messages in prop::collection::vec(message(), 1..3), at: Index, bit in 0..8_u8, cuts in prop::collection::vec(any::<Index>(), 0..6)) {
        let mut bytes = Vec::new();
        for message in &messages {
            message.write(&mut bytes, &mut Vec::new());
        }
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert_eq!(read(&bytes), events(&mut Parser::new(), &split(&bytes, &cuts)));
    }
}
