//! Tidegate's own routes, and what each of them asks for.

use std::fmt::Display;
use std::str::FromStr;

use tidegate_stream::calls::BannedName;
use tidegate_stream::digest::HASH_DIGITS;
use tidegate_stream::{MessageId, RoomId, Subject};

use crate::method::{Allow, Method};
use crate::path::PathError;
use crate::router::{Miss, Params, Router};

/// What a moderator may put on a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sanction {
    /// Neither reads nor writes.
    Ban,
    /// Reads only.
    Mute,
}

/// One call of the HTTP interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// `GET /healthz`
    Health,
    /// `GET /readyz`
    Ready,
    /// `GET /v1/openapi.yaml`
    Document,
    /// About rooms.
    Rooms(RoomsCall),
}

/// A call about rooms, with what its path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomsCall {
    /// `POST /v1/rooms`
    CreateRoom,
    /// `GET /v1/rooms`
    ListRooms,
    /// `POST /v1/messages`
    PublishBatch,
    /// `POST /v1/users/{user}/disconnect`
    Disconnect(Subject),
    /// `GET /v1/rooms/{room}`
    ReadRoom(RoomId),
    /// `PATCH /v1/rooms/{room}`
    ChangeRoom(RoomId),
    /// `DELETE /v1/rooms/{room}`
    CloseRoom(RoomId),
    /// `POST /v1/rooms/{room}/messages`
    Publish(RoomId),
    /// `GET /v1/rooms/{room}/messages`
    History(RoomId),
    /// `DELETE /v1/rooms/{room}/messages/{id}`
    Hide(RoomId, MessageId),
    /// `POST /v1/rooms/{room}/join`
    Join(RoomId),
    /// `PUT /v1/rooms/{room}/bans/{user}`, `…/mutes/{user}`. In `!all` a ban revokes: a subject, or a token as `jti:` and
    /// the 32 hex digits that SHA-256 makes of its `jti`.
    Impose(RoomId, Sanction, BannedName),
    /// `DELETE /v1/rooms/{room}/bans/{user}`, `…/mutes/{user}`
    Lift(RoomId, Sanction, BannedName),
    /// `POST /v1/rooms/{room}/kick`
    Kick(RoomId),
}

/// Why a request is no call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The path could mean two things: 400.
    #[error(transparent)]
    Path(PathError),
    /// A name in the path is outside its grammar: 400.
    #[error("{0}")]
    Name(String),
    /// 404.
    #[error("there is nothing at this path")]
    NotFound,
    /// 405, or the answer to `OPTIONS`.
    #[error("this path has the methods {0}")]
    Method(Allow),
}

/// A call before its parameters are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    CreateRoom,
    ListRooms,
    PublishBatch,
    Disconnect,
    ReadRoom,
    ChangeRoom,
    CloseRoom,
    Publish,
    History,
    Hide,
    Join,
    Impose(Sanction),
    Lift(Sanction),
    Kick,
    Health,
    Ready,
    Document,
}

const TABLE: [(Method, &str, Name); 19] = [
    (Method::Post, "/v1/rooms", Name::CreateRoom),
    (Method::Get, "/v1/rooms", Name::ListRooms),
    (Method::Post, "/v1/messages", Name::PublishBatch),
    (
        Method::Post,
        "/v1/users/{user}/disconnect",
        Name::Disconnect,
    ),
    (Method::Get, "/v1/rooms/{room}", Name::ReadRoom),
    (Method::Patch, "/v1/rooms/{room}", Name::ChangeRoom),
    (Method::Delete, "/v1/rooms/{room}", Name::CloseRoom),
    (Method::Post, "/v1/rooms/{room}/messages", Name::Publish),
    (Method::Get, "/v1/rooms/{room}/messages", Name::History),
    (Method::Delete, "/v1/rooms/{room}/messages/{id}", Name::Hide),
    (Method::Post, "/v1/rooms/{room}/join", Name::Join),
    (
        Method::Put,
        "/v1/rooms/{room}/bans/{user}",
        Name::Impose(Sanction::Ban),
    ),
    (
        Method::Delete,
        "/v1/rooms/{room}/bans/{user}",
        Name::Lift(Sanction::Ban),
    ),
    (
        Method::Put,
        "/v1/rooms/{room}/mutes/{user}",
        Name::Impose(Sanction::Mute),
    ),
    (
        Method::Delete,
        "/v1/rooms/{room}/mutes/{user}",
        Name::Lift(Sanction::Mute),
    ),
    (Method::Post, "/v1/rooms/{room}/kick", Name::Kick),
    (Method::Get, "/healthz", Name::Health),
    (Method::Get, "/readyz", Name::Ready),
    (Method::Get, "/v1/openapi.yaml", Name::Document),
];

/// Whether a path is Tidegate's own, with something at it or not: `/v1` and what lies below, and the probes. No configured
/// route can have such a path.
pub fn is_own(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    matches!(first, "v1" | "healthz" | "readyz")
}

/// The table of all calls.
#[derive(Debug)]
pub struct Calls(Router<(Name, &'static str)>);

impl Default for Calls {
    fn default() -> Self {
        let mut router = Router::default();
        for (method, pattern, name) in TABLE {
            let added = router.add(method, pattern, (name, pattern));
            // The table is fixed, and a test adds every line of it.
            debug_assert!(added.is_ok(), "{pattern}");
        }
        Self(router)
    }
}

impl Calls {
    /// The methods and paths of all calls, as they are documented.
    pub fn table() -> impl Iterator<Item = (Method, &'static str)> {
        TABLE.iter().map(|&(method, pattern, _)| (method, pattern))
    }

    /// The pattern of the route that a request takes, whether or not the names in its path are good.
    pub fn pattern(&self, method: &str, path: &str) -> Option<&'static str> {
        let found = self.0.find(Method::from_name(method), path);
        found.ok().map(|found| found.value.1)
    }

    /// Reads a request: its method's name, and its path without the query.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub fn read(&self, method: &str, path: &str) -> Result<Call, RouteError> {
        let found = self
            .0
            .find(Method::from_name(method), path)
            .map_err(|miss| match miss {
                Miss::Path(error) => RouteError::Path(error),
                Miss::NotFound => RouteError::NotFound,
                Miss::Method(allow) => RouteError::Method(allow),
            })?;
        let room = || named::<RoomId>(&found.params, "room");
        let user = || banned(&found.params);
        Ok(Call::Rooms(match found.value.0 {
            Name::Health => return Ok(Call::Health),
            Name::Ready => return Ok(Call::Ready),
            Name::Document => return Ok(Call::Document),
            Name::CreateRoom => RoomsCall::CreateRoom,
            Name::ListRooms => RoomsCall::ListRooms,
            Name::PublishBatch => RoomsCall::PublishBatch,
            Name::Disconnect => RoomsCall::Disconnect(named(&found.params, "user")?),
            Name::ReadRoom => RoomsCall::ReadRoom(room()?),
            Name::ChangeRoom => RoomsCall::ChangeRoom(room()?),
            Name::CloseRoom => RoomsCall::CloseRoom(room()?),
            Name::Publish => RoomsCall::Publish(room()?),
            Name::History => RoomsCall::History(room()?),
            Name::Hide => RoomsCall::Hide(room()?, named(&found.params, "id")?),
            Name::Join => RoomsCall::Join(room()?),
            Name::Impose(what) => RoomsCall::Impose(room()?, what, user()?),
            Name::Lift(what) => RoomsCall::Lift(room()?, what, user()?),
            Name::Kick => RoomsCall::Kick(room()?),
        }))
    }
}

fn named<T: FromStr<Err: Display>>(
    params: &Params<'_, '_>,
    name: &'static str,
) -> Result<T, RouteError> {
    let text = params.get(name).ok_or(RouteError::NotFound)?;
    text.parse()
        .map_err(|error: T::Err| RouteError::Name(error.to_string()))
}

fn banned(params: &Params<'_, '_>) -> Result<BannedName, RouteError> {
    let text = params.get("user").ok_or(RouteError::NotFound)?;
    let Some(digits) = text.strip_prefix("jti:") else {
        return named::<Subject>(params, "user").map(BannedName::Subject);
    };
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() == HASH_DIGITS && digits.bytes().all(is_hex) {
        Ok(BannedName::Token(digits.to_owned()))
    } else {
        Err(RouteError::Name(format!(
            "a revoked token is `jti:` and the first {HASH_DIGITS} hex digits of SHA-256 of its `jti`"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, path: &str) -> Result<RoomsCall, RouteError> {
        match Calls::default().read(method, path)? {
            Call::Rooms(call) => Ok(call),
            probe => panic!("{probe:?} is not about rooms"),
        }
    }

    #[test]
    fn every_line_of_the_table_is_found() {
        let calls = Calls::default();
        for (method, pattern) in Calls::table() {
            let path = pattern
                .replace("{room}", "demo.lobby")
                .replace("{user}", "bob")
                .replace("{id}", "local-1732400000000-0");
            assert!(calls.read(method.name(), &path).is_ok(), "{pattern}");
            assert_eq!(calls.pattern(method.name(), &path), Some(pattern));
        }
    }

    #[test]
    fn calls_carry_what_their_path_names() {
        let room: RoomId = "demo.lobby".parse().unwrap();
        assert_eq!(
            read("PUT", "/v1/rooms/demo.lobby/bans/bob"),
            Ok(RoomsCall::Impose(
                room.clone(),
                Sanction::Ban,
                BannedName::Subject("bob".parse().unwrap())
            ))
        );
        assert_eq!(
            read("DELETE", "/v1/rooms/demo%2Elobby/messages/eu-1-7-0"),
            Ok(RoomsCall::Hide(room.clone(), "eu-1-7-0".parse().unwrap()))
        );
        assert_eq!(
            read("HEAD", "/v1/rooms/demo.lobby"),
            Ok(RoomsCall::ReadRoom(room))
        );
        assert_eq!(
            read("POST", "/v1/rooms/~alice/join"),
            Ok(RoomsCall::Join("~alice".parse().unwrap()))
        );
    }

    #[test]
    fn names_outside_their_grammar_say_what_the_grammar_is() {
        for path in [
            "/v1/rooms/a%20b",
            "/v1/rooms/caf%C3%A9",
            "/v1/rooms/!else",
            "/v1/rooms/~",
        ] {
            let Err(RouteError::Name(text)) = read("GET", path) else {
                panic!("{path}");
            };
            assert!(text.contains("1 to 64"), "{text}");
        }
        let long = format!("/v1/rooms/{}", "x".repeat(65));
        assert!(matches!(read("GET", &long), Err(RouteError::Name(_))));
        assert!(matches!(
            read("DELETE", "/v1/rooms/a/messages/7"),
            Err(RouteError::Name(_))
        ));
    }

    #[test]
    fn a_token_is_revoked_by_the_hash_of_its_id() {
        let digits = "ba7816bf8f01cfea414140de5dae2223";
        assert_eq!(
            read("PUT", &format!("/v1/rooms/!all/bans/jti:{digits}")),
            Ok(RoomsCall::Impose(
                RoomId::all(),
                Sanction::Ban,
                BannedName::Token(digits.into())
            ))
        );
        for bad in ["jti:", "jti:abc", &format!("jti:{}", digits.to_uppercase())] {
            let path = format!("/v1/rooms/!all/bans/{bad}");
            assert!(
                matches!(read("PUT", &path), Err(RouteError::Name(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn every_call_has_a_path_of_ones_own() {
        for (_, pattern) in Calls::table() {
            assert!(is_own(pattern), "{pattern}");
        }
        assert!(is_own("/v1") && is_own("/v1/else") && is_own("/healthz/"));
        assert!(!is_own("/") && !is_own("/v2/rooms") && !is_own("/v10") && !is_own("/x/v1"));
    }

    #[test]
    fn other_paths_and_methods_are_told_apart() {
        assert_eq!(read("GET", "/v1/rooms/a/"), Err(RouteError::NotFound));
        assert_eq!(read("GET", "/v2/rooms/a"), Err(RouteError::NotFound));
        let Err(RouteError::Method(allow)) = read("PUT", "/v1/rooms/a/messages") else {
            panic!("messages cannot be put");
        };
        assert_eq!(allow.to_string(), "GET, HEAD, OPTIONS, POST");
        assert_eq!(
            read("GET", "/v1/rooms/../secret"),
            Err(RouteError::Path(PathError::DotSegment))
        );
    }
}
