//! `tg_rooms` and `tg_count`: the list of rooms by viewers, and how many a namespace has. Both look at all shards of an
//! address in one round trip.

use super::error::CallError;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};
use crate::keys::Keys;
use crate::name::RoomId;

/// Most rooms of one page.
pub const MOST_LISTED: u32 = 200;

/// A place in the list: rooms with more viewers come first, and of equally many those with the greater name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Viewers of the room that was listed last; at most a thousand million.
    pub online: u64,
    /// The room.
    pub room: RoomId,
}

/// A room in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRoom {
    /// Its id.
    pub room: RoomId,
    /// Its viewers, as the list has them: at most ten seconds old.
    pub online: u64,
    /// Its title.
    pub title: String,
    /// Whether anyone may enter; else whoever has a token for it.
    pub is_open: bool,
    /// Who owns it, as text.
    pub owner: String,
    /// When it was created, in ms.
    pub created_ms: u64,
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its rooms, in order.
    pub rooms: Vec<ListedRoom>,
    /// Where to go on; none: it was the last page. A page may have few rooms or none and not be the last, since a call
    /// looks at 1,000 rooms at most.
    pub next: Option<Place>,
}

/// A look at the list.
#[derive(Debug, Clone, Copy)]
pub struct ListRooms<'a> {
    /// Only rooms of this namespace; none: of all.
    pub namespace: Option<&'a str>,
    /// Rooms, 1 to [`MOST_LISTED`].
    pub limit: u32,
    /// Go on after this place.
    pub after: Option<&'a Place>,
}

impl ListRooms<'_> {
    /// What to send.
    pub fn call(&self, keys: &Keys) -> FunctionCall {
        let (online, name) = match self.after {
            Some(place) => (place.online, place.room.as_str()),
            None => (0, ""),
        };
        let args = vec![
            arg(self.namespace.unwrap_or_default()),
            arg(self.limit),
            arg(online),
            arg(name),
        ];
        let lists = keys.shards().all().map(|shard| keys.rooms(shard));
        FunctionCall::reading("tg_rooms", lists.collect(), args)
    }

    /// What came back.
    ///
    /// # Errors
    /// Arguments out of bounds, or an answer that is not one.
    pub fn answer(&self, replies: &[Reply]) -> Result<Listed, CallError> {
        let mut answer = Answer::begin(replies)?;
        let has_more = match answer.bytes("more")? {
            b"more" => true,
            b"end" => false,
            _ => return Err(CallError::Malformed("more")),
        };
        let (online, name) = (answer.number("count")?, answer.text("name")?);
        let next = match has_more {
            true => Some(Place {
                online,
                room: name.parse().map_err(|_| CallError::Malformed("name"))?,
            }),
            false => None,
        };
        let count = answer.count("rooms")?;
        let rooms = (0..count)
            .map(|_| ListedRoom::read(&mut answer))
            .collect::<Result<_, _>>()?;
        Ok(Listed { rooms, next })
    }
}

impl ListedRoom {
    fn read(answer: &mut Answer<'_>) -> Result<Self, CallError> {
        let mut listed = Self {
            room: answer.parse("room")?,
            online: answer.number("online")?,
            title: String::new(),
            is_open: false,
            owner: String::new(),
            created_ms: 0,
        };
        for _ in 0..answer.count("fields")? / 2 {
            match answer.bytes("field")? {
                b"title" => listed.title = answer.text("title")?.to_owned(),
                // A value of a later version is read as the stricter one.
                b"access" => listed.is_open = answer.bytes("access")? == b"open",
                b"owner" => listed.owner = answer.text("owner")?.to_owned(),
                b"created_ms" => listed.created_ms = answer.number("created_ms")?,
                _ => {
                    answer.bytes("value")?;
                }
            }
        }
        Ok(listed)
    }
}

/// How many rooms a namespace has that are not closed.
#[derive(Debug, Clone, Copy)]
pub struct CountRooms<'a> {
    /// The namespace.
    pub namespace: &'a str,
}

impl CountRooms<'_> {
    /// What to send.
    pub fn call(&self, keys: &Keys) -> FunctionCall {
        let counts = keys.shards().all().map(|shard| keys.namespaces(shard));
        FunctionCall::reading("tg_count", counts.collect(), vec![arg(self.namespace)])
    }

    /// What came back.
    ///
    /// # Errors
    /// Arguments out of bounds, or an answer that is not one.
    pub fn answer(&self, replies: &[Reply]) -> Result<u64, CallError> {
        let mut answer = Answer::begin(replies)?;
        answer.label("count")?;
        answer.number("count")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::reply::tests::words;
    use crate::shard::ShardCount;

    const ALL: ListRooms<'_> = ListRooms {
        namespace: None,
        limit: 2,
        after: None,
    };

    #[test]
    fn the_call_names_every_shard() {
        let keys = Keys::new("tg", ShardCount::new(3).unwrap());
        let place = Place {
            online: 7,
            room: "demo.x".parse().unwrap(),
        };
        let call = ListRooms {
            namespace: Some("demo"),
            limit: 5,
            after: Some(&place),
        }
        .call(&keys);
        assert!(call.read_only);
        assert_eq!(
            call.keys,
            ["tg:{00}:rooms", "tg:{01}:rooms", "tg:{02}:rooms"]
        );
        assert_eq!(call.args, [&b"demo"[..], b"5", b"7", b"demo.x"]);
        let count = CountRooms { namespace: "demo" };
        assert_eq!(count.call(&keys).keys[2], "tg:{02}:ns");
        assert_eq!(count.answer(&words("count 12")), Ok(12));
    }

    #[test]
    fn a_page_is_read_and_later_fields_are_skipped() {
        let text = "more 3 b 2 a 9 4 access open mood x b 3 6 title B owner alice created_ms 5";
        let listed = ALL.answer(&words(text)).unwrap();
        assert_eq!(listed.next.unwrap().room.as_str(), "b");
        assert!(listed.rooms[0].is_open && !listed.rooms[1].is_open);
        assert_eq!((listed.rooms[1].online, &*listed.rooms[1].title), (3, "B"));
        assert_eq!(listed.rooms[1].created_ms, 5);
        let empty = ALL.answer(&words("end 0  0")).unwrap();
        assert_eq!((empty.next, empty.rooms.len()), (None, 0));
        for bad in [
            "",
            "more",
            "more 1 * 0",
            "end 0  1",
            "end 0  1 a 1 8",
            "so 0  0",
        ] {
            assert!(ALL.answer(&words(bad)).is_err(), "{bad}");
        }
    }
}
