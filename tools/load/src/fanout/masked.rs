//! A client's frames (RFC 6455, section 5.3), as `load floor` reads them from its publisher.

use super::frames::BadFrame;
use super::limits::FRAME_BYTES;

/// What has arrived of a client's frame that is not whole yet.
#[derive(Debug, Default)]
pub struct Masked(Vec<u8>);

impl Masked {
    /// Takes what was read, and hands on each message that is whole by now. Pings and pongs are passed over.
    ///
    /// # Errors
    /// When it is no frame of a client, or its end.
    pub fn read(&mut self, input: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), BadFrame> {
        self.0.extend_from_slice(input);
        let mut kept = std::mem::take(&mut self.0);
        let mut used = 0;
        while let Some((first, begin, end)) = bounds(&kept[used..])? {
            let (head, payload) = kept[used..used + end].split_at_mut(begin);
            let mask = &head[begin - 4..];
            if mask != [0; 4] {
                for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
                    *byte ^= mask;
                }
            }
            match first {
                0x81 | 0x82 => each(payload),
                0x89 | 0x8a => {}
                0x00..=0x02 | 0x80 => return Err(BadFrame::Fragment),
                _ => return Err(BadFrame::Malformed),
            }
            used += end;
        }
        kept.drain(..used);
        self.0 = kept;
        Ok(())
    }
}

/// First byte, begin and end of the payload of a frame that is whole.
fn bounds(input: &[u8]) -> Result<Option<(u8, usize, usize)>, BadFrame> {
    let [first, second, ..] = *input else {
        return Ok(None);
    };
    let (begin, length) = match second {
        0x80..0xfe => (6, u64::from(second & 0x7f)),
        0xfe => match input.get(2..4) {
            Some(bytes) => (8, u64::from(bytes[0]) << 8 | u64::from(bytes[1])),
            None => return Ok(None),
        },
        0xff => match input[2..].first_chunk() {
            Some(bytes) => (14, u64::from_be_bytes(*bytes)),
            None => return Ok(None),
        },
        _ => return Err(BadFrame::Malformed),
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > FRAME_BYTES {
        return Err(BadFrame::TooLong);
    }
    let end = begin + length;
    Ok((input.len() >= end).then_some((first, begin, end)))
}

#[cfg(test)]
mod tests {
    use super::super::frames::client_text;
    use super::*;

    #[test]
    fn messages_are_the_same_wherever_reads_part_them() {
        let long = "b".repeat(66_000);
        let mut bytes = vec![
            0x81,
            0x82,
            1,
            2,
            3,
            4,
            b'h' ^ 1,
            b'i' ^ 2,
            0x89,
            0x80,
            0,
            0,
            0,
            0,
        ];
        client_text(&mut bytes, &"a".repeat(126));
        client_text(&mut bytes, &long);
        client_text(&mut bytes, "");
        for at in (0..200).chain(bytes.len() - 20..bytes.len()) {
            let (mut masked, mut found) = (Masked::default(), Vec::new());
            for part in [&bytes[..at], &bytes[at..]] {
                masked
                    .read(part, |message| found.push(message.to_vec()))
                    .unwrap();
            }
            let lengths: Vec<usize> = found.iter().map(Vec::len).collect();
            assert_eq!(lengths, [2, 126, 66_000, 0], "parted at {at}");
            assert_eq!(found[0], b"hi");
            assert!(masked.0.is_empty());
        }
    }

    #[test]
    fn what_no_client_may_send_is_refused() {
        for (bytes, why) in [
            (&[0x81, 0][..], BadFrame::Malformed),
            (&[0x01, 0x80, 0, 0, 0, 0], BadFrame::Fragment),
            (&[0x88, 0x80, 0, 0, 0, 0], BadFrame::Malformed),
            (&[0x81, 0xff, 255, 0, 0, 0, 0, 0, 0, 0], BadFrame::TooLong),
        ] {
            assert_eq!(Masked::default().read(bytes, |_| {}), Err(why), "{bytes:?}");
        }
    }
}
