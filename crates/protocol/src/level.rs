//! Sampling: which chat messages are kept under overload.

use tidegate_stream::{MessageId, Region, StreamId};

/// The highest level: one chat message in 64 is kept.
pub const HIGHEST: u8 = 3;

/// The highest level, 0 to 3, that still keeps the chat entry `id` of `origin`. Level k keeps an entry for which this
/// is at least k, one in 4^k; what a level keeps, every lower one keeps too. The same everywhere, for each entry.
pub fn of_chat(origin: &Region, id: StreamId) -> u8 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in origin.as_str().as_bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = mix(mix(hash ^ id.ms) ^ id.seq);
    (hash.leading_zeros() / 2).min(u32::from(HIGHEST)) as u8
}

/// [`of_chat`] for an id that holds its origin.
pub fn of_message(id: &MessageId) -> u8 {
    of_chat(&id.origin, id.id)
}

/// Spreads neighbouring ids over all bits: each step can be undone, so no two ids become one.
fn mix(mut x: u64) -> u64 {
    x ^= x >> 32;
    x = x.wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^= x >> 32;
    x = x.wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ x >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_keeps_a_fourth() {
        let region: Region = "eu-west".parse().unwrap();
        for step in [(1, 0), (0, 1), (7, 0)] {
            let mut kept = [0_u32; 4];
            for n in 0..64_000_u64 {
                let id = StreamId {
                    ms: 1_732_400_000_000 + n * step.0,
                    seq: n * step.1,
                };
                for level in 0..=of_chat(&region, id) {
                    kept[usize::from(level)] += 1;
                }
            }
            assert_eq!(kept[0], 64_000);
            for (level, expected) in [(1, 16_000_u32), (2, 4_000), (3, 1_000)] {
                let off = kept[level].abs_diff(expected);
                assert!(
                    off < expected / 8,
                    "level {level}: {} of {expected}",
                    kept[level]
                );
            }
        }
    }

    #[test]
    fn nodes_of_all_versions_agree() {
        let id: MessageId = "eu-west-1732400000000-0".parse().unwrap();
        let levels: Vec<u8> = (0..24)
            .map(|seq| of_chat(&id.origin, StreamId { seq, ..id.id }))
            .collect();
        assert_eq!(levels, LEVELS);
        assert_eq!(of_message(&id), LEVELS[0]);
    }

    const LEVELS: [u8; 24] = [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1,
    ];
}
