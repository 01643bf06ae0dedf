//! JSON text written into a buffer (RFC 8259).

use std::fmt::Display;
use std::io::Write;

/// Appends `text` as a JSON string.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 => 0,
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        if short == 0 {
            out.extend_from_slice(b"\\u00");
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// Appends what has no sign that a JSON string would escape: numbers, names, ids, cursors.
pub(super) fn plain(out: &mut Vec<u8>, value: impl Display) {
    write!(out, "{value}").expect("a Vec takes whatever is written to it");
}

/// Appends a JSON text as it is, on one line. `false`, and nothing is appended: it is not JSON.
pub(super) fn raw(out: &mut Vec<u8>, text: &str) -> bool {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return false;
    }
    let at = out.len();
    out.extend_from_slice(text.as_bytes());
    // JSON has line ends between its tokens only, where a space means the same; in an SSE field they would end it.
    for byte in &mut out[at..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strings_read_back(text in any::<String>()) {
            let mut out = Vec::new();
            string(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
            prop_assert!(out.iter().all(|&byte| byte >= 0x20));
        }
    }

    #[test]
    fn raw_text_stays_one_line_and_whole() {
        let mut out = Vec::new();
        assert!(raw(&mut out, "{\"a\":\r\n[1,\n2]}"));
        assert_eq!(out, b"{\"a\":  [1, 2]}");
        for bad in ["", "{", "1,2", "\"\n\"", "{}}", "nul", "[1] x"] {
            let mut out = Vec::new();
            assert!(!raw(&mut out, bad), "{bad}");
            assert!(out.is_empty());
        }
    }
}
