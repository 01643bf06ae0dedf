//! The XOR mask of client frames (RFC 6455, section 5.3).

/// Unmasks `payload` in place. `key` is the masking key as it lies in the frame, little end first.
pub(super) fn unmask(payload: &mut [u8], key: u32) {
    let wide = u64::from(key) | u64::from(key) << 32;
    // Eight words a step let the compiler use the widest registers there are.
    let mut blocks = payload.chunks_exact_mut(64);
    for block in &mut blocks {
        for word in block.chunks_exact_mut(8) {
            xor_word(word, wide);
        }
    }
    let mut words = blocks.into_remainder().chunks_exact_mut(8);
    for word in &mut words {
        xor_word(word, wide);
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(wide.to_le_bytes()) {
        *byte ^= mask;
    }
}

/// The key for what follows after `consumed` bytes of the same payload.
pub(super) fn advance(key: u32, consumed: usize) -> u32 {
    key.rotate_right(8 * (consumed % 4) as u32)
}

fn xor_word(word: &mut [u8], wide: u64) {
    for (byte, mask) in word.iter_mut().zip(wide.to_le_bytes()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc_example() {
        // RFC 6455, section 5.7: "Hello", masked.
        let mut payload = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        unmask(&mut payload, u32::from_le_bytes([0x37, 0xfa, 0x21, 0x3d]));
        assert_eq!(&payload, b"Hello");
    }

    proptest! {
        #[test]
        fn equals_byte_by_byte(payload in prop::collection::vec(any::<u8>(), 0..300), key: [u8; 4], cut: prop::sample::Index) {
            let expected: Vec<u8> = payload.iter().enumerate().map(|(i, b)| b ^ key[i % 4]).collect();
            let key = u32::from_le_bytes(key);
            let mut whole = payload.clone();
            unmask(&mut whole, key);
            prop_assert_eq!(&whole, &expected);

            let mut parts = payload;
            let cut = cut.index(parts.len() + 1);
            let (first, second) = parts.split_at_mut(cut);
            unmask(first, key);
            unmask(second, advance(key, cut));
            prop_assert_eq!(&parts, &expected);
        }
    }
}
