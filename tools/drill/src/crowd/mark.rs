//! What a message of a crowd's publisher carries: numbers by which a viewer sees loss, repeats and disorder at once, found
//! in a frame without reading its JSON.

use memchr::memmem;

/// Lanes that messages go through, by what they may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// May be left out under overload, if the frame says so.
    Chat,
    /// Never.
    Gift,
    /// Never.
    Control,
}

impl Class {
    /// All of them, in the order of their index.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Gift, Self::Control];

    const fn sign(self) -> u8 {
        match self {
            Self::Chat => b'C',
            Self::Gift => b'G',
            Self::Control => b'K',
        }
    }

    fn of(sign: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.sign() == sign)
    }
}

/// The numbers of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its lane.
    pub class: Class,
    /// Its number among those of its class and room, from 1.
    pub number: u32,
    /// Its number among all of its room, from 1.
    pub place: u32,
    /// When it was sent, µs since the epoch.
    pub sent_us: u64,
}

/// Begins a mark; as the first thing in a JSON string it stands nowhere else.
const SIGN: &[u8] = b"\"~T";
/// Digits of a number, and of a time.
const DIGITS: (usize, usize) = (10, 17);
/// Class, two numbers, a time.
const BYTES: usize = 1 + 2 * DIGITS.0 + DIGITS.1;

/// JSON of about so many bytes with the mark in it, never shorter than the mark needs.
pub fn data(mark: &Mark, bytes: usize) -> String {
    let (number, place, sent_us) = (mark.number, mark.place, mark.sent_us);
    let mut data = format!(
        "{{\"n\":\"~T{}{number:010}{place:010}{sent_us:017}",
        char::from(mark.class.sign())
    );
    let end = bytes.saturating_sub(2).max(data.len());
    data.extend(std::iter::repeat_n('x', end - data.len()));
    data.push_str("\"}");
    data
}

/// Calls `take` with each mark of a frame, in order. Gives how many of them were broken.
pub fn each(frame: &[u8], mut take: impl FnMut(Mark)) -> u64 {
    let mut broken = 0;
    let mut at = 0;
    while let Some(found) = memmem::find(&frame[at..], SIGN) {
        at += found + SIGN.len();
        match frame.get(at..at + BYTES).and_then(read) {
            Some(mark) => take(mark),
            None => broken += 1,
        }
    }
    broken
}

fn read(bytes: &[u8]) -> Option<Mark> {
    let (sign, rest) = bytes.split_first()?;
    let (number, rest) = rest.split_at_checked(DIGITS.0)?;
    let (place, sent_us) = rest.split_at_checked(DIGITS.0)?;
    Some(Mark {
        class: Class::of(*sign)?,
        number: u32::try_from(decimal(number)?).ok()?,
        place: u32::try_from(decimal(place)?).ok()?,
        sent_us: decimal(sent_us)?,
    })
}

fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marks(frame: &str) -> (Vec<Mark>, u64) {
        let mut found = Vec::new();
        let broken = each(frame.as_bytes(), |mark| found.push(mark));
        (found, broken)
    }

    #[test]
    fn what_is_cut_off_or_no_number_is_broken() {
        for bad in [
            r#""~TG0000"#,
            r#""~TX00000000010000000001000000000000000010""#,
            r#""~TG000000000a0000000001000000000000000010""#,
            r#""~TG99999999990000000001000000000000000010""#,
        ] {
            assert_eq!(marks(bad), (Vec::new(), 1), "{bad}");
        }
        assert_eq!(marks("{}"), (Vec::new(), 0));
    }

    proptest! {
        #[test]
        fn marks_are_found_as_they_were_written(
            class in 0usize..3, number: u32, place: u32, sent_us in 0u64..10u64.pow(17), bytes in 0usize..300,
        ) {
            let mark = Mark { class: Class::ALL[class], number, place, sent_us };
            let data = data(&mark, bytes);
            prop_assert!(data.len() >= bytes);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&data).is_ok());
            let frame = format!(r#"{{"messages":[{{"data":{data}}},{{"data":{data}}}]}}"#);
            prop_assert_eq!(marks(&frame), (vec![mark; 2], 0));
        }
    }
}
