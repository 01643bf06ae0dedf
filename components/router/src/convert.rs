//! Between the types of the contracts and those of the HTTP interface.

use tidegate_api::views;
use tidegate_api::{Refusal, Settings, Who};
use tidegate_room::{Access, Acts, Settings as RoomSettings, listing};
use tidegate_stream::calls::Place;

use crate::bindings::tidegate::rooms::rooms;

/// Where rooms are.
pub(crate) fn place(settings: &Settings) -> rooms::Place {
    rooms::Place {
        redis_url: settings.redis_url.clone(),
        prefix: settings.prefix.clone(),
        region: settings.region.to_string(),
        chat_max: settings.kept.chat_max,
        keep_max: settings.kept.keep_max,
        log_max: settings.kept.log_max,
        retention_ms: settings.kept.retention_ms,
    }
}

/// Who reads.
pub(crate) fn reader(who: &Who) -> rooms::Reader {
    let caller = who.caller();
    rooms::Reader {
        subject: who.subject().to_string(),
        token: caller.and_then(|caller| caller.token.clone()),
        guest: caller.is_none(),
        service: caller.is_some_and(|caller| caller.is_service()),
    }
}

/// Who acts.
pub(crate) fn actor(who: &Who, right: Acts, trace: String) -> rooms::Actor {
    rooms::Actor {
        subject: who.subject().to_string(),
        right: match right {
            Acts::ByScope => rooms::Right::ByScope,
            Acts::AsOwner => rooms::Right::AsOwner,
            Acts::AsModerator => rooms::Right::AsModerator,
        },
        token: who.caller().and_then(|caller| caller.token.clone()),
        trace,
    }
}

pub(crate) fn settings(settings: RoomSettings) -> rooms::Settings {
    rooms::Settings {
        owner: settings.owner.map(|owner| owner.to_string()),
        title: settings.title,
        access: settings.access.map(|access| match access {
            Access::Open => rooms::Access::Open,
            Access::Token => rooms::Access::Token,
        }),
        slow_ms: settings.slow_ms,
        followers_only: settings.followers_only,
        gift_only: settings.gift_only,
        moderators: settings
            .moderators
            .map(|names| names.iter().map(ToString::to_string).collect()),
        chat_budget: settings.chat_budget,
        history_chat: settings.history_chat,
        history_keep: settings.history_keep,
    }
}

fn access(access: rooms::Access) -> &'static str {
    match access {
        rooms::Access::Open => "open",
        rooms::Access::Token => "token",
    }
}

/// A page of the list, without the rooms that the caller may not see.
pub(crate) fn list(listing: rooms::Listing, who: &Who) -> Result<views::RoomList, Refusal> {
    let place = |next: rooms::ListPlace| -> Result<Place, Refusal> {
        let room = next.room.parse();
        Ok(Place {
            online: next.online,
            room: room.map_err(|error| Refusal::Fault(format!("a room of the list: {error}")))?,
        })
    };
    let is_shown = |listed: &rooms::Listed| {
        let is_open = listed.access == rooms::Access::Open;
        listed
            .id
            .parse()
            .is_ok_and(|room| who.may_see(&room, is_open))
    };
    let view = |listed: rooms::Listed| views::Listed {
        id: listed.id,
        title: listed.title,
        access: access(listed.access),
        owner: listed.owner,
        created_ms: listed.created_ms,
        online: listed.online,
    };
    Ok(views::RoomList {
        rooms: listing
            .rooms
            .into_iter()
            .filter(is_shown)
            .map(view)
            .collect(),
        after: listing
            .next
            .map(|next| place(next).map(|place| listing::cursor(&place)))
            .transpose()?,
    })
}

pub(crate) fn room(room: rooms::Room) -> views::Room {
    views::Room {
        id: room.id,
        title: room.title,
        state: match room.state {
            rooms::State::Open => "open",
            rooms::State::Closed => "closed",
        },
        access: access(room.access),
        owner: room.owner,
        created_ms: room.created_ms,
        slow_ms: room.slow_ms,
        followers_only: room.followers_only,
        gift_only: room.gift_only,
        moderators: room.moderators,
        chat_budget: room.chat_budget,
        history_chat: room.history_chat,
        history_keep: room.history_keep,
        online: room.online,
        likes: room.likes,
    }
}

pub(crate) fn history(page: rooms::Page) -> views::History {
    let message = |entry: rooms::Entry| views::Message {
        id: entry.id,
        kind: entry.kind,
        lane: entry.lane,
        sub: entry.subject,
        info: views::Json::of(entry.info),
        data: views::Json::of(entry.data).filter(|_| !entry.hidden),
        at_ms: entry.at_ms,
        key: entry.key,
        hidden: entry.hidden,
    };
    views::History {
        messages: page.entries.into_iter().map(message).collect(),
        cursor: page.cursor,
        left_out: page.left_out,
    }
}

pub(crate) fn refusal(refusal: rooms::Refusal) -> Refusal {
    match refusal {
        rooms::Refusal::NoRoom => Refusal::NoRoom,
        rooms::Refusal::Closed => Refusal::Closed,
        rooms::Refusal::Exists => Refusal::Exists,
        rooms::Refusal::Banned(seconds) => Refusal::Banned { seconds },
        rooms::Refusal::Muted(seconds) => Refusal::Muted { seconds },
        rooms::Refusal::Slow(seconds) => Refusal::Slow { retry_s: seconds },
        rooms::Refusal::Revoked => Refusal::Revoked,
        rooms::Refusal::KeyReused => Refusal::KeyReused,
        rooms::Refusal::NeedsToken => Refusal::NoToken,
        rooms::Refusal::NotAllowed => Refusal::ServiceOnly,
        rooms::Refusal::NotOwner => Refusal::NotOwner,
        rooms::Refusal::FollowersOnly => Refusal::FollowersOnly,
        rooms::Refusal::GiftOnly => Refusal::GiftOnly,
        rooms::Refusal::TooManyRooms(most) => Refusal::TooManyRooms { most },
        rooms::Refusal::Reset => Refusal::HistoryGone,
        rooms::Refusal::BadCursor => Refusal::BadCursor,
        rooms::Refusal::BadArgument(why) => Refusal::NotAllowed(why),
        rooms::Refusal::Recovering(seconds) => Refusal::Recovering { retry_s: seconds },
        rooms::Refusal::Full => Refusal::Full,
        rooms::Refusal::Unreachable(why) => Refusal::Away(why),
        rooms::Refusal::Library(what_to_do) => Refusal::Library(what_to_do),
        rooms::Refusal::Layout(why) => Refusal::Layout(why),
        rooms::Refusal::Fault(why) => Refusal::Fault(why),
    }
}
