//! Answers that are kept to be given again when an upstream fails: `tg:stale:HEX`.
//!
//! They are shared by all callers, so only what is the same for all of them is kept: the answer to a GET that was sent on
//! without credentials, with 200, that neither sets a cookie nor says `private`, `no-store` or `Vary` by more than what the
//! key holds (RFC 9111, section 3).

use std::fmt::Write;

use tidegate_route::Method;

use crate::headers::Field;
use crate::limits::{HEADERS, HEADERS_BYTES, STALE_BYTES};

/// Request fields that make another answer, and are part of the key.
pub const KEY_FIELDS: [&str; 3] = ["accept", "accept-encoding", "accept-language"];

/// Fields of a request that say for whom it is.
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", crate::headers::SUBJECT];

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// When it was given, in ms since 1970.
    pub at_ms: u64,
    /// Its fields, as they are handed on.
    pub fields: Vec<Field>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Whether an answer to this request can be kept, or one that was kept be given: for a request as it is sent on.
pub fn is_shared(method: Method, sent: &[Field]) -> bool {
    matches!(method, Method::Get | Method::Head)
        && !sent
            .iter()
            .any(|(name, _)| CREDENTIALS.contains(&name.as_str()) || name == "range")
}

/// What the key is made of: the route, the target, and fields that make another answer. Each part is free of zero bytes.
pub fn key_parts(route: &str, target: &str, sent: &[Field]) -> Vec<String> {
    let mut parts = vec![route.to_owned(), target.to_owned()];
    for wanted in KEY_FIELDS {
        let values = sent.iter().filter(|(name, _)| name == wanted);
        let values: Vec<_> = values
            .map(|(_, value)| String::from_utf8_lossy(value).replace('\0', ""))
            .collect();
        parts.push(values.join(","));
    }
    parts
}

/// Whether an answer is the same for everybody, and short enough.
pub fn may_keep(method: Method, status: u16, fields: &[Field], body: &[u8]) -> bool {
    let values = |wanted: &'static str| {
        fields
            .iter()
            .filter(move |(name, _)| name == wanted)
            .flat_map(|(_, value)| {
                let text = String::from_utf8_lossy(value).to_ascii_lowercase();
                text.split(',')
                    .map(|part| part.trim().to_owned())
                    .collect::<Vec<_>>()
            })
    };
    let private = values("cache-control").any(|directive| {
        let name = directive.split('=').next().unwrap_or_default();
        matches!(name, "private" | "no-store" | "no-cache")
    });
    let varies =
        values("vary").any(|name| name != "origin" && !KEY_FIELDS.contains(&name.as_str()));
    method == Method::Get
        && status == 200
        && body.len() <= STALE_BYTES
        && !private
        && !varies
        && !fields.iter().any(|(name, _)| name == "set-cookie")
}

impl Kept {
    /// The bytes under the key: a version, the time, the fields a line each, an empty line, the body.
    pub fn write(&self) -> Vec<u8> {
        let mut head = format!("1 {}\n", self.at_ms);
        let mut bytes = Vec::new();
        for (name, value) in &self.fields {
            // A value that is not text cannot be told from one that is, once it is; it is left out.
            if let Ok(value) = std::str::from_utf8(value) {
                // Writing into a text does not fail.
                let _ = writeln!(head, "{name}: {value}");
            }
        }
        head.push('\n');
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Reads the bytes; none for what it does not understand.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let body = &bytes[end + 2..];
        if end > 2 * HEADERS_BYTES || body.len() > STALE_BYTES {
            return None;
        }
        let mut lines = std::str::from_utf8(&bytes[..end]).ok()?.lines();
        let at_ms = lines.next()?.strip_prefix("1 ")?.parse().ok()?;
        let fields = lines
            .map(|line| {
                let (name, value) = line.split_once(": ")?;
                Some((name.to_owned(), value.as_bytes().to_vec()))
            })
            .collect::<Option<Vec<_>>>()?;
        (fields.len() <= HEADERS + 1).then(|| Self {
            at_ms,
            fields,
            body: body.to_vec(),
        })
    }

    /// How old it is, in whole seconds, for `Age`; none once it is older than the route allows.
    pub fn age_s(&self, now_ms: u64, stale_s: u64) -> Option<u64> {
        let age_s = now_ms.saturating_sub(self.at_ms) / 1000;
        (age_s < stale_s).then_some(age_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(name: &str, value: &str) -> Field {
        (name.to_owned(), value.as_bytes().to_vec())
    }

    #[test]
    fn only_what_is_the_same_for_everybody_is_kept() {
        let keep = |fields: &[Field]| may_keep(Method::Get, 200, fields, b"x");
        assert!(keep(&[]));
        assert!(keep(&[
            field("cache-control", "max-age=5, public"),
            field("vary", "Accept-Encoding, Origin")
        ]));
        for (name, value) in [
            ("cache-control", "private"),
            ("cache-control", "max-age=5, No-Store"),
            ("cache-control", "private=\"x\""),
            ("cache-control", "no-cache"),
            ("vary", "*"),
            ("vary", "accept, cookie"),
            ("set-cookie", "a=b"),
        ] {
            assert!(!keep(&[field(name, value)]), "{name}: {value}");
        }
        assert!(!may_keep(Method::Head, 200, &[], b""));
        assert!(!may_keep(Method::Get, 206, &[], b"x"));
        assert!(!may_keep(Method::Get, 200, &[], &vec![0; STALE_BYTES + 1]));
    }

    #[test]
    fn whoever_shows_who_they_are_gets_nothing_shared() {
        assert!(is_shared(Method::Get, &[field("accept", "*/*")]));
        assert!(is_shared(Method::Head, &[]));
        assert!(!is_shared(Method::Post, &[]));
        for name in ["authorization", "cookie", "tidegate-subject", "range"] {
            assert!(!is_shared(Method::Get, &[field(name, "x")]), "{name}");
        }
    }

    #[test]
    fn the_key_tells_apart_what_has_other_answers() {
        let parts =
            |target: &str, accept: &str| key_parts("/r", target, &[field("accept", accept)]);
        assert_eq!(parts("/a?b", "x"), ["/r", "/a?b", "x", "", ""]);
        assert_ne!(parts("/a", "x"), parts("/a", "y"));
        assert_ne!(parts("/a", "x"), parts("/b", "x"));
    }

    #[test]
    fn it_is_used_until_it_is_too_old() {
        let kept = Kept {
            at_ms: 10_000,
            fields: Vec::new(),
            body: Vec::new(),
        };
        assert_eq!(kept.age_s(9_000, 60), Some(0));
        assert_eq!(kept.age_s(69_999, 60), Some(59));
        assert_eq!(kept.age_s(70_000, 60), None);
    }

    proptest! {
        #[test]
        fn answers_survive_bytes(
            at_ms in any::<u64>(),
            fields in proptest::collection::vec(("[a-z-]{1,20}", "([!-~]([ -~]{0,20}[!-~])?)?"), 0..10),
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let fields = fields.iter().map(|(name, value)| field(name, value)).collect();
            let kept = Kept { at_ms, fields, body };
            prop_assert_eq!(Kept::read(&kept.write()), Some(kept));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Kept::read(&bytes);
            let _ = Kept::read(&[b"1 5\n", bytes.as_slice()].concat());
        }
    }
}
