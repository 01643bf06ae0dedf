//! What a node asks its Redis for a viewer: a room, a ban, history.

use tidegate_hub::{OriginPage, Tally, Who};
use tidegate_protocol::frames::ErrorCode;
use tidegate_stream::calls::{After, CallError, Join, Read, Refusal, RoomState};
use tidegate_stream::{Region, RoomId, StreamId};

use super::World;
use super::site::NoAnswer;

/// Entries of one origin in a page; the service asks for 128.
const PAGE_ENTRIES: u32 = 6;
const PAGE_BYTES: u32 = 48 * 1024;

/// What looking a room up came to.
pub(super) enum Looked {
    In(Option<Tally>),
    Out(ErrorCode),
}

pub(super) fn refused<T>(answer: Result<T, CallError>) -> Result<T, NoAnswer> {
    answer.map_err(|error| NoAnswer::Said(error.to_string()))
}

pub(super) fn look_up(
    world: &mut World,
    site: usize,
    room: &RoomId,
    who: &Who,
    origins: Option<&Vec<Region>>,
) -> Result<Looked, NoAnswer> {
    let region = world.sites[site].name.clone();
    let keys = world.keys.clone();
    let join = Join {
        region: &region,
        room,
        subject: who.subject.as_ref(),
        token: None,
    };
    let joined = match join.answer(&world.call_at(site, &join.call(&keys))?) {
        Ok(joined) => joined,
        Err(CallError::Refused(Refusal::NoRoom)) => return Ok(Looked::Out(ErrorCode::NoRoom)),
        Err(error) => return refused(Err(error)),
    };
    if joined
        .room
        .is_some_and(|room| room.state == RoomState::Closed)
    {
        return Ok(Looked::Out(ErrorCode::RoomClosed));
    }
    if joined.ban_until_ms > joined.now_ms {
        return Ok(Looked::Out(ErrorCode::Banned));
    }
    let Some(origins) = origins else {
        return Ok(Looked::In(None));
    };
    let mut tally = Tally::default();
    for origin in origins {
        let total = world
            .ask_at(site, &["GET", &keys.likes(room, origin)])?
            .bytes();
        if let Some(total) = String::from_utf8(total)
            .ok()
            .and_then(|text| text.parse().ok())
        {
            tally.likes(origin, total);
        }
    }
    Ok(Looked::In(Some(tally)))
}

pub(super) fn is_banned(
    world: &mut World,
    site: usize,
    room: &RoomId,
    user: &str,
) -> Result<bool, NoAnswer> {
    let region = world.sites[site].name.clone();
    let subject = user.parse().ok();
    let join = Join {
        region: &region,
        room,
        subject: subject.as_ref(),
        token: None,
    };
    let call = join.call(&world.keys);
    let joined = refused(join.answer(&world.call_at(site, &call)?))?;
    Ok(joined.ban_until_ms > joined.now_ms)
}

pub(super) fn read(
    world: &mut World,
    site: usize,
    room: &RoomId,
    after: &[(Region, StreamId)],
) -> Result<Vec<OriginPage>, NoAnswer> {
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
    let call = read.call(&world.keys);
    let pages = refused(read.answer(&world.call_at(site, &call)?))?;
    Ok(pages.into_iter().map(OriginPage::from).collect())
}
