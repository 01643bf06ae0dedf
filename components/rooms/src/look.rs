//! Reading: a room as it is now, and its history.

use component_link::Again;
use tidegate_room::history;
use tidegate_stream::calls::{Join, JoinAnswer, Read, RoomAccess, RoomState};
use tidegate_stream::{Cursor, RoomId, Subject};

use crate::bindings::exports::tidegate::rooms::rooms as wit;
use crate::convert;
use crate::refuse::{bad, call};
use crate::region::Home;
use crate::revoked;

/// Whether a closed room may be looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    Shown,
    Refused,
}

async fn look(
    home: &Home,
    room: &RoomId,
    subject: Option<&Subject>,
) -> Result<JoinAnswer, wit::Refusal> {
    let join = Join {
        region: &home.region,
        room,
        subject,
        token: None,
    };
    let replies = home.call(&join.call(&home.keys), Again::Harmless).await?;
    join.answer(&replies).map_err(call)
}

/// A room as it is now, for whoever has just changed it.
pub(crate) async fn room(home: &Home, id: &str) -> Result<wit::Room, wit::Refusal> {
    let room = id.parse().map_err(bad)?;
    let look = look(home, &room, None).await?;
    Ok(convert::room(&room, &look))
}

/// Lets a reader into a room: it is there, and neither its access nor a ban keeps the reader out.
pub(crate) async fn enter(
    home: &Home,
    id: &str,
    by: &wit::Reader,
    closed: Closed,
) -> Result<(RoomId, JoinAnswer), wit::Refusal> {
    let room: RoomId = id.parse().map_err(bad)?;
    let subject = by.subject.parse().map_err(bad)?;
    if room.is_reserved() && by.guest {
        return Err(wit::Refusal::NeedsToken);
    }
    if !by.guest {
        revoked::check(home, &by.subject, by.token.as_deref()).await?;
    }
    let look = look(home, &room, Some(&subject)).await?;
    if let Some(fields) = &look.room {
        if fields.access == RoomAccess::Token && by.guest {
            return Err(wit::Refusal::NeedsToken);
        }
        if fields.state == RoomState::Closed && closed == Closed::Refused {
            return Err(wit::Refusal::Closed);
        }
    }
    if look.ban_until_ms > look.now_ms && !by.service {
        return Err(wit::Refusal::Banned(convert::seconds_left(
            look.ban_until_ms,
            look.now_ms,
        )));
    }
    Ok((room, look))
}

/// A page of a room's history.
pub(crate) async fn history(
    home: &Home,
    id: &str,
    by: &wit::Reader,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<wit::Page, wit::Refusal> {
    let (room, look) = enter(home, id, by, Closed::Refused).await?;
    if let Some(cursor) = after {
        cursor
            .check_ahead(&look.cursor(), look.now_ms)
            .map_err(|_| wit::Refusal::BadCursor)?;
    }
    let read = Read {
        room: &room,
        limit,
        bytes: history::PAGE_BYTES,
        positions: &history::positions(&look.origins, after),
    };
    let replies = home.call(&read.call(&home.keys), Again::Harmless).await?;
    let pages = read.answer(&replies).map_err(call)?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    history::join(pages, after, most)
        .map(convert::page)
        .map_err(|history::Gone| wit::Refusal::Reset)
}
