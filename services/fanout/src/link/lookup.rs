//! What a core asks of Redis for its viewers.

use std::sync::Arc;

use tidegate_hub::{Message, OriginPage, Tally, Who};
use tidegate_protocol::frames::ErrorCode;
use tidegate_stream::calls::{After, CallError, Join, Read, Refusal, Reply, RoomState};
use tidegate_stream::{Cursor, Keys, Region, RoomId, Shard, StreamId};

use super::connection::{Link, LinkError, flatten, strings, words};

/// Entries of one origin in a page.
const PAGE_ENTRIES: u32 = 128;
/// Bytes of a page: about what a socket takes at once.
const PAGE_BYTES: u32 = 48 * 1024;

/// What a look at a room found for whoever is let in.
#[derive(Debug)]
pub struct Found {
    /// The room's chat budget, if it has one of its own.
    pub chat_budget: Option<u64>,
    /// Its counters, if they were asked for.
    pub tally: Option<Tally>,
}

/// Why somebody is not let in.
#[derive(Debug)]
pub enum Refused {
    /// By what Redis says.
    Said(ErrorCode),
    /// Redis did not say.
    Failed(LinkError),
}

impl From<LinkError> for Refused {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Call(CallError::Refused(Refusal::NoRoom)) => Self::Said(ErrorCode::NoRoom),
            other => Self::Failed(other),
        }
    }
}

/// Looks at room, budget and bans, and at the room's counters if `origins` names some, in one round trip.
pub async fn look_up(
    link: &Link,
    keys: &Keys,
    region: &Region,
    room: &RoomId,
    who: &Who,
    origins: Option<&[Region]>,
) -> Result<Found, Refused> {
    let here = Join {
        region,
        room,
        subject: who.subject.as_ref(),
        token: None,
    };
    let all = RoomId::all();
    let token = who
        .token
        .as_deref()
        .and_then(|token| token.strip_prefix("jti:"));
    let everywhere = Join {
        region,
        room: &all,
        subject: who.subject.as_ref(),
        token,
    };
    let mut commands = vec![here.call(keys).command(), everywhere.call(keys).command()];
    if let Some(origins) = origins {
        commands.push(words(["HGETALL", &keys.online(room)]));
        for origin in origins {
            commands.push(words(["GET", &keys.likes(room, origin)]));
        }
    }
    let mut answers = link.pipeline(&commands).await?.into_iter();
    let mut next = || answers.next().map(flatten).unwrap_or_default();
    let joined = here.answer(&next()).map_err(LinkError::from)?;
    let revoked = everywhere.answer(&next()).map_err(LinkError::from)?;
    if joined
        .room
        .as_ref()
        .is_some_and(|fields| fields.state == RoomState::Closed)
    {
        return Err(Refused::Said(ErrorCode::RoomClosed));
    }
    if joined.ban_until_ms.max(revoked.ban_until_ms) > joined.now_ms {
        return Err(Refused::Said(ErrorCode::Banned));
    }
    let mut found = Found {
        chat_budget: joined.room.and_then(|fields| fields.chat_budget),
        tally: None,
    };
    let Some(origins) = origins else {
        return Ok(found);
    };
    let mut tally = Tally::default();
    let online = answers.next().map(strings).unwrap_or_default();
    for pair in online.chunks_exact(2) {
        let (Ok(node), Ok(value)) = (std::str::from_utf8(&pair[0]), std::str::from_utf8(&pair[1]))
        else {
            continue;
        };
        let number = value.split_once(' ');
        if let Some((Ok(viewers), Ok(until_ms))) = number.map(|(a, b)| (a.parse(), b.parse())) {
            tally.online(node.to_owned(), viewers, until_ms);
        }
    }
    for (origin, answer) in origins.iter().zip(answers) {
        let total = strings(answer)
            .first()
            .and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        if let Some(total) = total {
            tally.likes(origin, total);
        }
    }
    found.tally = Some(tally);
    Ok(found)
}

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
    let holds = |answer: &Reply| match answer {
        // `STAMP UNTIL_MS`
        Reply::Bytes(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.rsplit_once(' ')?.1.parse::<u64>().ok())
            .is_some_and(|until_ms| until_ms > now_ms),
        _ => false,
    };
    let pairs = users.iter().zip(&answers);
    Ok(pairs
        .filter(|(_, answer)| holds(answer))
        .map(|(user, _)| user.clone())
        .collect())
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
    Ok(pages
        .into_iter()
        .map(|page| OriginPage {
            messages: page
                .entries
                .iter()
                .filter_map(|entry| Message::new(&page.origin, entry).map(Arc::new))
                .collect(),
            origin: page.origin,
            last: page.last,
            verdict: page.verdict,
            more: page.more,
            reached: page.reached,
        })
        .collect())
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
