//! `Sec-WebSocket-Extensions` (RFC 6455, section 9.1): of all extensions, permessage-deflate (RFC 7692, section 7).

use std::borrow::Cow;

/// An offer that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deflate {
    /// The client asked for a bound of the window, which is to be answered.
    bounded: bool,
}

impl Deflate {
    /// The header of the answer. Neither side keeps its window from one message to the next, whether or not that was
    /// offered: so a batch is compressed once for all, and a connection needs no memory of its own.
    pub(super) const fn answer(self) -> &'static str {
        if self.bounded {
            "\r\nsec-websocket-extensions: permessage-deflate; server_no_context_takeover; \
             client_no_context_takeover; server_max_window_bits=15"
        } else {
            "\r\nsec-websocket-extensions: permessage-deflate; server_no_context_takeover; \
             client_no_context_takeover"
        }
    }
}

/// The first offer that can be kept to, over all lines. Others are passed over, whatever is wrong with them.
pub(super) fn deflate<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Deflate> {
    lines
        .into_iter()
        .flat_map(|line| split(line, b','))
        .find_map(offer)
}

fn offer(offer: &str) -> Option<Deflate> {
    let mut parts = split(offer, b';').map(|part| part.trim_matches([' ', '\t']));
    if !parts.next()?.eq_ignore_ascii_case("permessage-deflate") {
        return None;
    }
    let mut seen = [false; 4];
    let mut bounded = false;
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (
                name.trim_end_matches([' ', '\t']),
                Some(unquoted(value.trim_start_matches([' ', '\t']))?),
            ),
            None => (part, None),
        };
        let index = match (&*name.to_ascii_lowercase(), value.as_deref()) {
            ("server_no_context_takeover", None) => 0,
            ("client_no_context_takeover", None) => 1,
            // A smaller window would have to be that of all who share a batch.
            ("server_max_window_bits", Some("15")) => {
                bounded = true;
                2
            }
            // A hint, which needs no answer: any window is inflated.
            ("client_max_window_bits", value) if value.is_none_or(is_window) => 3,
            _ => return None,
        };
        if std::mem::replace(&mut seen[index], true) {
            return None;
        }
    }
    Some(Deflate { bounded })
}

/// 8 to 15, without a leading zero.
fn is_window(value: &str) -> bool {
    matches!(value, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
}

/// A token, or what a quoted string holds. The quotes must end where the value does.
fn unquoted(value: &str) -> Option<Cow<'_, str>> {
    let Some(rest) = value.strip_prefix('"') else {
        return Some(Cow::Borrowed(value));
    };
    let mut out = String::new();
    let mut signs = rest.chars();
    loop {
        match signs.next()? {
            '"' => return signs.as_str().is_empty().then_some(Cow::Owned(out)),
            '\\' => out.push(signs.next()?),
            sign => out.push(sign),
        }
    }
}

/// Parts between separators that do not stand in quotes.
fn split(list: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        let mut escaped = false;
        let end = text.bytes().position(|byte| {
            if escaped {
                escaped = false;
            } else if byte == b'"' {
                quoted = !quoted;
            } else if quoted {
                escaped = byte == b'\\';
            } else {
                return byte == separator;
            }
            false
        });
        rest = end.map(|end| &text[end + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: Option<Deflate> = Some(Deflate { bounded: false });
    const BOUNDED: Option<Deflate> = Some(Deflate { bounded: true });

    #[test]
    fn offers_that_are_taken() {
        for (line, taken) in [
            ("permessage-deflate", PLAIN),
            ("Permessage-Deflate ; Client_Max_Window_Bits", PLAIN),
            // Chromium and Firefox, in this order.
            ("permessage-deflate; client_max_window_bits", PLAIN),
            ("permessage-deflate;client_max_window_bits=8", PLAIN),
            (
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                PLAIN,
            ),
            ("permessage-deflate; server_max_window_bits=15", BOUNDED),
            (
                "permessage-deflate; server_max_window_bits = \"15\"",
                BOUNDED,
            ),
            ("permessage-deflate; client_max_window_bits=\"1\\0\"", PLAIN),
        ] {
            assert_eq!(deflate([line]), taken, "{line}");
        }
    }

    #[test]
    fn offers_that_are_not() {
        for line in [
            "",
            "x-webkit-deflate-frame",
            "permessage-deflate2",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=14",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=015",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=08",
            "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; client_max_window_bits=\"10",
            "permessage-deflate; client_max_window_bits=\"10\"0",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover=\"\"",
            "permessage-deflate; unknown",
            "permessage-deflate; ",
            "permessage-deflate;; client_max_window_bits",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "x; y=\"permessage-deflate, permessage-deflate\"",
        ] {
            assert_eq!(deflate([line]), None, "{line}");
        }
    }

    #[test]
    fn offers_are_looked_at_in_order_over_all_lines() {
        assert_eq!(
            deflate(["permessage-deflate; server_max_window_bits=10, permessage-deflate"]),
            PLAIN
        );
        assert_eq!(
            deflate([
                "x; a=\"b, permessage-deflate\"",
                "permessage-deflate; bad=1 , permessage-deflate; server_max_window_bits=15,\
                 permessage-deflate",
            ]),
            BOUNDED
        );
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "(permessage-deflate)?[ ;=,\"\\\\a-z0-9_]{0,60}") {
            let _ = deflate([line.as_str()]);
        }

        #[test]
        fn splitting_loses_nothing(line in "[a;,\"\\\\ ]{0,40}") {
            let parts: Vec<&str> = split(&line, b',').collect();
            prop_assert_eq!(parts.join(","), line);
        }
    }
}
