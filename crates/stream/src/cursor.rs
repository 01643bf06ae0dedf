//! Cursors: a reader's position in a room, by origin region.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::id::StreamId;
use crate::name::Region;

/// Most origins in a cursor.
pub const COMPONENTS: usize = 16;
/// Longest cursor. 16 components of 16 (region) + 1 + 20 (ms) + 1 + 20 (seq) + 1 bytes are 944, in base64 1,259; the
/// ids of this century have 13 digits of ms, which leaves 13 digits for seq in the worst case.
pub const CURSOR_BYTES: usize = 1024;
/// How far a component may be ahead of the greater of the clock and the node's own position.
pub const AHEAD_MS: u64 = 60 * 60 * 1000;

const VERSION: &str = "1";

/// Why a cursor was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not a cursor at all.
    #[error("not a cursor: give back the one that you were given, unchanged")]
    Malformed,
    /// More than 1,024 bytes or 16 components.
    #[error("a cursor has at most 1,024 bytes and 16 components")]
    TooLarge,
    /// More than an hour ahead.
    #[error("the cursor lies in the future")]
    Ahead,
}

/// A vector `origin region -> position in that region's shard log`. A missing component is `0-0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Cursor(BTreeMap<Region, StreamId>);

impl Cursor {
    /// The position for one origin; `0-0` where there is none.
    pub fn get(&self, origin: &Region) -> StreamId {
        self.0.get(origin).copied().unwrap_or_default()
    }

    /// Sets the position for one origin.
    pub fn set(&mut self, origin: Region, position: StreamId) {
        self.0.insert(origin, position);
    }

    /// Takes one origin's component out.
    pub fn remove(&mut self, origin: &Region) {
        self.0.remove(origin);
    }

    /// Whether it says something of an origin, be it `0-0`.
    pub fn has(&self, origin: &Region) -> bool {
        self.0.contains_key(origin)
    }

    /// The greater of both, in each component.
    pub fn merge(&mut self, other: &Self) {
        for (origin, &position) in &other.0 {
            let mine = self.0.entry(origin.clone()).or_default();
            *mine = position.max(*mine);
        }
    }

    /// Components, by region.
    pub fn iter(&self) -> impl Iterator<Item = (&Region, StreamId)> {
        self.0.iter().map(|(origin, &position)| (origin, position))
    }

    /// Whether every component of `other` is reached.
    pub fn covers(&self, other: &Self) -> bool {
        other
            .iter()
            .all(|(origin, position)| self.get(origin) >= position)
    }

    /// Refuses what no honest reader can hold: more than an hour ahead of the greater of `now_ms` and `own`.
    ///
    /// # Errors
    /// [`CursorError::Ahead`].
    pub fn check_ahead(&self, own: &Self, now_ms: u64) -> Result<(), CursorError> {
        let ahead = self.iter().any(|(origin, position)| {
            let known_ms = own.get(origin).ms.max(now_ms);
            position.ms > known_ms.saturating_add(AHEAD_MS)
        });
        if ahead {
            Err(CursorError::Ahead)
        } else {
            Ok(())
        }
    }
}

impl FromIterator<(Region, StreamId)> for Cursor {
    fn from_iter<I: IntoIterator<Item = (Region, StreamId)>>(positions: I) -> Self {
        Self(positions.into_iter().collect())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain = String::new();
        for (origin, position) in &self.0 {
            if !plain.is_empty() {
                plain.push(',');
            }
            plain.push_str(&format!("{origin}={position}"));
        }
        f.write_str(VERSION)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(plain))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > CURSOR_BYTES {
            return Err(CursorError::TooLarge);
        }
        let body = text.strip_prefix(VERSION).ok_or(CursorError::Malformed)?;
        let plain = URL_SAFE_NO_PAD
            .decode(body)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(CursorError::Malformed)?;
        let mut components = BTreeMap::new();
        for pair in plain.split(',').filter(|_| !plain.is_empty()) {
            let (origin, position) = pair.split_once('=').ok_or(CursorError::Malformed)?;
            let origin: Region = origin.parse().map_err(|_| CursorError::Malformed)?;
            let position = position.parse().map_err(|_| CursorError::Malformed)?;
            if components.insert(origin, position).is_some() {
                return Err(CursorError::Malformed);
            }
            if components.len() > COMPONENTS {
                return Err(CursorError::TooLarge);
            }
        }
        Ok(Self(components))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cursor(pairs: &[(&str, u64, u64)]) -> Cursor {
        pairs
            .iter()
            .map(|&(origin, ms, seq)| (origin.parse().unwrap(), StreamId { ms, seq }))
            .collect()
    }

    proptest! {
        #[test]
        fn cursors_survive_text(pairs in proptest::collection::btree_map("[a-z0-9-]{1,16}", (0u64..1 << 44, 0u64..1 << 20), 0..16)) {
            let cursor: Cursor = pairs.into_iter().map(|(origin, (ms, seq))| (origin.parse().unwrap(), StreamId { ms, seq })).collect();
            let text = cursor.to_string();
            prop_assert!(text.len() <= CURSOR_BYTES);
            prop_assert_eq!(text.parse::<Cursor>().unwrap(), cursor);
        }

        #[test]
        fn no_text_panics(text in "1?[A-Za-z0-9_-]{0,60}|.{0,60}") {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn the_text_is_stable() {
        assert_eq!(Cursor::default().to_string(), "1");
        assert_eq!(cursor(&[("local", 7, 1)]).to_string(), "1bG9jYWw9Ny0x");
    }

    #[test]
    fn what_is_not_a_cursor_is_refused() {
        let encode = |plain: &str| format!("1{}", URL_SAFE_NO_PAD.encode(plain));
        for bad in [
            "",
            "2",
            "1!",
            &encode("eu"),
            &encode("eu=1"),
            &encode("EU=1-1"),
            &encode("eu=1-1,eu=2-2"),
        ] {
            assert_eq!(bad.parse::<Cursor>(), Err(CursorError::Malformed), "{bad}");
        }
        let many = (0..17)
            .map(|n| format!("r{n}=1-1"))
            .collect::<Vec<_>>()
            .join(",");
        assert_eq!(encode(&many).parse::<Cursor>(), Err(CursorError::TooLarge));
        assert_eq!(
            "1".repeat(1025).parse::<Cursor>(),
            Err(CursorError::TooLarge)
        );
    }

    #[test]
    fn an_hour_ahead_is_the_most() {
        let own = cursor(&[("eu", 10_000_000, 0)]);
        assert_eq!(
            cursor(&[("eu", 10_000_000 + AHEAD_MS, 0)]).check_ahead(&own, 0),
            Ok(())
        );
        assert_eq!(
            cursor(&[("eu", 10_000_001 + AHEAD_MS, 0)]).check_ahead(&own, 0),
            Err(CursorError::Ahead)
        );
        assert_eq!(
            cursor(&[("us", AHEAD_MS + 6, 0)]).check_ahead(&own, 5),
            Err(CursorError::Ahead)
        );
    }

    #[test]
    fn merging_takes_the_greater_of_each() {
        let mut one = cursor(&[("eu", 5, 0), ("us", 1, 0)]);
        one.merge(&cursor(&[("eu", 4, 9), ("us", 2, 0), ("ap", 3, 0)]));
        assert_eq!(one, cursor(&[("eu", 5, 0), ("us", 2, 0), ("ap", 3, 0)]));
        assert!(one.covers(&cursor(&[("eu", 5, 0)])));
        assert!(!one.covers(&cursor(&[("eu", 5, 1)])));
    }
}
