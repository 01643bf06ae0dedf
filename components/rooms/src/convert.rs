//! Between the types of the contract and those of the streams.

use tidegate_room::history::PageOf;
use tidegate_stream::calls::{BannedName, JoinAnswer, RoomAccess, RoomState};
use tidegate_stream::{RoomId, digest};

use crate::bindings::exports::tidegate::rooms::rooms as wit;
use crate::refuse::bad;

/// 9999-12-31T23:59:59Z: what a ban without an end is written with.
const NEVER_MS: u64 = 253_402_300_799_000;

/// Seconds until a ban ends, rounded up; 0 for one without an end.
pub(crate) fn seconds_left(until_ms: u64, now_ms: u64) -> u64 {
    if until_ms >= NEVER_MS {
        0
    } else {
        until_ms.saturating_sub(now_ms).div_ceil(1_000)
    }
}

/// Settings as fields of a room.
pub(crate) fn fields(settings: &wit::Settings) -> Vec<(&'static str, String)> {
    let access = settings.access.map(|access| match access {
        wit::Access::Open => "open".to_owned(),
        wit::Access::Token => "token".to_owned(),
    });
    let number = |value: Option<u32>| value.map(|number| number.to_string());
    let flag = |value: Option<bool>| value.map(|is_on| u8::from(is_on).to_string());
    [
        ("owner", settings.owner.clone()),
        ("title", settings.title.clone()),
        ("access", access),
        ("slow_ms", number(settings.slow_ms)),
        ("followers_only", flag(settings.followers_only)),
        ("gift_only", flag(settings.gift_only)),
        (
            "moderators",
            settings.moderators.as_ref().map(|names| names.join(",")),
        ),
        ("chat_budget", number(settings.chat_budget)),
        ("history_chat", number(settings.history_chat)),
        ("history_keep", number(settings.history_keep)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

/// Fields as a call takes them.
pub(crate) fn borrowed<'f>(fields: &'f [(&'static str, String)]) -> Vec<(&'f str, &'f str)> {
    fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

/// A subject, or a token's hash after `jti:`.
pub(crate) fn banned(user: &str) -> Result<BannedName, wit::Refusal> {
    match user.strip_prefix("jti:") {
        Some(digits) => Ok(BannedName::Token(digits.to_owned())),
        None => user.parse().map(BannedName::Subject).map_err(bad),
    }
}

/// A room as it is shown.
pub(crate) fn room(id: &RoomId, look: &JoinAnswer) -> wit::Room {
    let mut room = wit::Room {
        id: id.to_string(),
        title: String::new(),
        state: wit::State::Open,
        // A reserved room is its subject's, or a service's.
        access: wit::Access::Token,
        owner: id.owner().unwrap_or_default().to_owned(),
        created_ms: 0,
        slow_ms: 0,
        followers_only: false,
        gift_only: false,
        moderators: Vec::new(),
        chat_budget: 0,
        history_chat: 0,
        history_keep: 0,
        online: look.online,
        likes: look.likes,
    };
    if let Some(fields) = &look.room {
        room.title.clone_from(&fields.title);
        room.owner.clone_from(&fields.owner);
        room.created_ms = fields.created_ms;
        let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        room.slow_ms = number(fields.slow_ms);
        room.followers_only = fields.followers_only;
        room.gift_only = fields.gift_only;
        room.moderators.clone_from(&fields.moderators);
        room.chat_budget = number(fields.chat_budget.unwrap_or_default());
        room.history_chat = number(fields.history_chat);
        room.history_keep = number(fields.history_keep);
        room.access = match fields.access {
            RoomAccess::Open => wit::Access::Open,
            RoomAccess::Token => wit::Access::Token,
        };
        room.state = match fields.state {
            RoomState::Open => wit::State::Open,
            RoomState::Closed => wit::State::Closed,
        };
    }
    room
}

/// A page of history as it is shown.
pub(crate) fn page(page: PageOf) -> wit::Page {
    let entries = page.entries.into_iter().map(|(id, entry)| wit::Entry {
        id: id.to_string(),
        kind: entry.kind.as_str().to_owned(),
        lane: entry
            .kind
            .lane()
            .map(|lane| lane.as_str().to_owned())
            .unwrap_or_default(),
        subject: entry.sub,
        info: entry.info,
        data: entry.data,
        at_ms: entry.at_ms,
        key: match entry.key.as_str() {
            "" => String::new(),
            key => digest::key(key),
        },
        hidden: entry.hidden,
    });
    wit::Page {
        entries: entries.collect(),
        cursor: page.cursor.to_string(),
        left_out: page.left_out,
    }
}
