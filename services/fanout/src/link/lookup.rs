//! What a core asks of Redis for its viewers.

use tidegate_hub::OriginPage;
use tidegate_stream::calls::{After, CallError, Join, Read, Refusal, Reply, RoomState};
use tidegate_stream::{Cursor, Keys, Region, RoomId, Shard, StreamId};

use super::connection::{Link, LinkError, flatten, strings, words};

/// Entries of one origin in a page.
const PAGE_ENTRIES: u32 = 128;
/// Bytes of a page: about what a socket takes at once.
const PAGE_BYTES: u32 = 48 * 1024;

/// Which of `users` are banned from `room` now: what the hash says, so that a ban which was lifted meanwhile is none.
pub async fn banned(
    link: &Link,
    keys: &Keys,
    room: &RoomId,
    users: &[String],
    now_ms: u64,
) -> Result<Vec<String>, LinkError> {
    let mut command = words(["HMGET", &keys.bans(room)]);
    command.extend(users.iter().map(|user| user.as_bytes().to_vec()));
    let answers = flatten(link.command(&command).await?);
    let pairs = users.iter().zip(&answers);
    Ok(pairs
        .filter(|(_, answer)| until_ms(answer) > now_ms)
        .map(|(user, _)| user.clone())
        .collect())
}

/// Until when a ban of the hash holds; 0 if there is none.
pub(super) fn until_ms(answer: &Reply) -> u64 {
    match answer {
        // `STAMP UNTIL_MS`
        Reply::Bytes(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.rsplit_once(' ')?.1.parse().ok())
            .unwrap_or_default(),
        _ => 0,
    }
}

/// What a room is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can be used.
    Open {
        /// Its chat budget, if it has one of its own.
        chat_budget: Option<u64>,
    },
    /// It cannot, or is not there.
    Closed,
}

/// Whether a room is there and open, and its chat budget.
pub async fn state(
    link: &Link,
    keys: &Keys,
    region: &Region,
    room: &RoomId,
) -> Result<State, LinkError> {
    let join = Join {
        region,
        room,
        subject: None,
        token: None,
    };
    let answer = link.call(&join.call(keys)).await?;
    match join.answer(&answer) {
        Ok(joined) => Ok(match joined.room {
            Some(fields) if fields.state == RoomState::Closed => State::Closed,
            fields => State::Open {
                chat_budget: fields.and_then(|fields| fields.chat_budget),
            },
        }),
        Err(CallError::Refused(Refusal::NoRoom)) => Ok(State::Closed),
        Err(error) => Err(error.into()),
    }
}

/// One page of a room's history.
pub async fn read_room(
    link: &Link,
    keys: &Keys,
    room: &RoomId,
    after: &[(Region, StreamId)],
) -> Result<Vec<OriginPage>, LinkError> {
    let positions: Vec<(Region, After)> = after
        .iter()
        .map(|(origin, id)| (origin.clone(), After::Id(*id)))
        .collect();
    let read = Read {
        room,
        limit: PAGE_ENTRIES,
        bytes: PAGE_BYTES,
        positions: &positions,
    };
    let pages = read.answer(&link.call(&read.call(keys)).await?)?;
    Ok(pages.into_iter().map(OriginPage::from).collect())
}

/// The last id of a shard's log, for each origin.
pub async fn positions(
    link: &Link,
    keys: &Keys,
    shard: Shard,
    origins: &[Region],
) -> Result<Cursor, LinkError> {
    let commands: Vec<_> = origins
        .iter()
        .map(|origin| {
            words([
                "XREVRANGE",
                &keys.log(shard, origin),
                "+",
                "-",
                "COUNT",
                "1",
            ])
        })
        .collect();
    let answers = link.pipeline(&commands).await?;
    let last = |answer| {
        let first = strings(answer).into_iter().next()?;
        std::str::from_utf8(&first).ok()?.parse().ok()
    };
    Ok(origins
        .iter()
        .cloned()
        .zip(
            answers
                .into_iter()
                .map(|answer| last(answer).unwrap_or(StreamId::ZERO)),
        )
        .collect())
}
