//! Revoked subjects and tokens: bans of `!all`, seen at most a second late.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use component_link::{Again, shared};
use tidegate_stream::calls::{BannedName, Join, Reply};
use tidegate_stream::{RoomId, Subject};

use crate::bindings::exports::tidegate::rooms::rooms::Refusal;
use crate::refuse::{bad, call};
use crate::region::Home;

/// How late a revocation may be seen.
const TRUSTED: Duration = Duration::from_secs(1);
/// Callers that are remembered, at most. When there are more, those who have lapsed make room, else all do.
const REMEMBERED: usize = 1_024;
/// Revoked names that are read at once, at most. While there are more, each caller is asked for by name: with 36 bytes a
/// name that would be more than 36 KB a second for each instance.
const NAMES: usize = 1_000;

type Caller = (String, Option<String>);

/// What the bans of `!all` were, by name.
struct Seen {
    at: Instant,
    /// None: more than [`NAMES`].
    names: Option<HashSet<Vec<u8>>>,
}

thread_local! {
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
    static CLEAR: RefCell<HashMap<Caller, Instant>> = RefCell::new(HashMap::new());
}

/// Refuses a caller who was revoked, or whose token was.
pub(crate) async fn check(home: &Home, subject: &str, token: Option<&str>) -> Result<(), Refusal> {
    if !may_be_revoked(home, subject, token).await? {
        return Ok(());
    }
    ask(home, subject, token).await
}

/// Whether a caller's name or token is among the revoked ones, whose revocation may have ended. Reading all of them once a
/// second spares nearly every message a round trip of its own.
async fn may_be_revoked(home: &Home, subject: &str, token: Option<&str>) -> Result<bool, Refusal> {
    let has = |seen: &Seen| {
        seen.names.as_ref().is_none_or(|names| {
            let token = token.map(|hash| BannedName::Token(hash.to_owned()).to_string());
            names.contains(subject.as_bytes())
                || token.is_some_and(|token| names.contains(token.as_bytes()))
        })
    };
    let known = || {
        SEEN.with_borrow(|seen| {
            let fresh = seen.as_ref().filter(|seen| seen.at.elapsed() < TRUSTED);
            fresh.map(has)
        })
    };
    let read = async {
        let seen = read(home).await?;
        let found = has(&seen);
        SEEN.set(Some(seen));
        Ok(found)
    };
    shared("revoked", known, read).await
}

async fn read(home: &Home) -> Result<Seen, Refusal> {
    let at = Instant::now();
    let (key, most) = (home.keys.bans(&RoomId::all()), (NAMES + 1).to_string());
    // Distinct ones, and all of them if there are no more.
    let replies = home
        .command("HRANDFIELD", &[key.as_bytes(), most.as_bytes()])
        .await?;
    let names = (replies.len() <= NAMES).then(|| {
        let names = replies.into_iter().filter_map(|reply| match reply {
            Reply::Bytes(name) => Some(name),
            _ => None,
        });
        names.collect()
    });
    Ok(Seen { at, names })
}

/// What Redis says of one caller now.
async fn ask(home: &Home, subject: &str, token: Option<&str>) -> Result<(), Refusal> {
    let caller = (subject.to_owned(), token.map(str::to_owned));
    let is_clear = CLEAR.with_borrow(|clear| {
        clear
            .get(&caller)
            .is_some_and(|seen| seen.elapsed() < TRUSTED)
    });
    if is_clear {
        return Ok(());
    }
    let asked_at = Instant::now();
    let subject: Subject = subject.parse().map_err(bad)?;
    let join = Join {
        region: &home.region,
        room: &RoomId::all(),
        subject: Some(&subject),
        token,
    };
    let replies = home.call(&join.call(&home.keys), Again::Harmless).await?;
    let answer = join.answer(&replies).map_err(call)?;
    if answer.ban_until_ms > answer.now_ms {
        return Err(Refusal::Revoked);
    }
    CLEAR.with_borrow_mut(|clear| {
        if clear.len() >= REMEMBERED {
            clear.retain(|_, seen| seen.elapsed() < TRUSTED);
        }
        if clear.len() >= REMEMBERED {
            clear.clear();
        }
        clear.insert(caller, asked_at);
    });
    Ok(())
}
