//! Which part of the list of rooms is asked for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use tidegate_stream::calls::Place;

use crate::limits::{LIST_DEFAULT, LIST_MOST};
use crate::named::Namespace;

/// Longest cursor, in bytes: `1` and, in base64, ten digits, a space and a room of 64 signs, which are 101.
const CURSOR_BYTES: usize = 128;
/// Most viewers that a cursor may name.
const ONLINE: u64 = 1_000_000_000;

/// Why a query was refused: 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// Not a number, or out of bounds.
    #[error("`limit` is 1 to {LIST_MOST}")]
    Limit,
    /// Not a cursor.
    #[error("`after` is not what a page of this list gave")]
    After,
    /// Outside its grammar.
    #[error("{0}")]
    Namespace(String),
    /// Given twice.
    #[error("`{0}` stands twice in the query")]
    Twice(&'static str),
}

/// A page of the list of rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Rooms of this namespace only; none: of all.
    pub namespace: Option<Namespace>,
    /// Go on after this place.
    pub after: Option<Place>,
    /// Rooms, 1 to 100.
    pub limit: u32,
}

impl Listing {
    /// Reads the pairs of a query. Names that it does not know are skipped.
    ///
    /// # Errors
    /// See [`ListingError`].
    pub fn read<'q>(
        query: impl IntoIterator<Item = (&'q str, &'q str)>,
    ) -> Result<Self, ListingError> {
        let (mut namespace, mut after, mut limit) = (None, None, None);
        for (name, value) in query {
            match name {
                "namespace" => {
                    let read = value
                        .parse::<Namespace>()
                        .map_err(|error| ListingError::Namespace(error.to_string()))?;
                    once(&mut namespace, read, "namespace")?;
                }
                "after" => {
                    let read = read_cursor(value).ok_or(ListingError::After)?;
                    once(&mut after, read, "after")?;
                }
                "limit" => {
                    let count = value.parse().map_err(|_| ListingError::Limit)?;
                    if !(1..=LIST_MOST).contains(&count) {
                        return Err(ListingError::Limit);
                    }
                    once(&mut limit, count, "limit")?;
                }
                _ => {}
            }
        }
        Ok(Self {
            namespace,
            after,
            limit: limit.unwrap_or(LIST_DEFAULT),
        })
    }
}

fn once<T>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), ListingError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(ListingError::Twice(name)),
    }
}

/// A place in the list as an opaque text: `1` and base64url of `VIEWERS ROOM`.
pub fn cursor(place: &Place) -> String {
    format!(
        "1{}",
        BASE64.encode(format!("{} {}", place.online, place.room))
    )
}

/// Reads a cursor of the list; none when it is not one.
pub fn read_cursor(text: &str) -> Option<Place> {
    if text.len() > CURSOR_BYTES {
        return None;
    }
    let bytes = BASE64.decode(text.strip_prefix('1')?).ok()?;
    let (online, room) = std::str::from_utf8(&bytes).ok()?.split_once(' ')?;
    let online = online.parse().ok().filter(|&count| count <= ONLINE)?;
    Some(Place {
        online,
        room: room.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_page_is_bounded() {
        let bare = Listing::read([]).unwrap();
        assert_eq!(
            (bare.limit, bare.after, bare.namespace),
            (LIST_DEFAULT, None, None)
        );
        let page = Listing::read([("limit", "100"), ("namespace", "demo"), ("x", "y")]).unwrap();
        assert_eq!(
            (page.limit, page.namespace.unwrap().as_str()),
            (100, "demo")
        );
        for bad in ["0", "101", "-1", "", "ten"] {
            assert_eq!(Listing::read([("limit", bad)]), Err(ListingError::Limit));
        }
        for bad in ["", "1", "x", "1!!", "2MyBkZW1v", &"1".repeat(200)] {
            assert_eq!(
                Listing::read([("after", bad)]),
                Err(ListingError::After),
                "{bad}"
            );
        }
        assert!(Listing::read([("namespace", "a.b")]).is_err());
        assert_eq!(
            Listing::read([("limit", "1"), ("limit", "2")]),
            Err(ListingError::Twice("limit"))
        );
    }

    proptest! {
        #[test]
        fn a_cursor_survives_text(online in 0..=ONLINE, room in "[A-Za-z0-9._-]{1,64}") {
            let place = Place { online, room: room.parse().unwrap() };
            let text = cursor(&place);
            prop_assert!(text.len() <= CURSOR_BYTES);
            prop_assert_eq!(read_cursor(&text), Some(place));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,140}") {
            let _ = read_cursor(&text);
        }
    }
}
