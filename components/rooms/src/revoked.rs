//! Revoked subjects and tokens: bans of `!all`, seen at most a second late.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use component_link::Again;
use tidegate_stream::calls::Join;
use tidegate_stream::{RoomId, Subject};

use crate::bindings::exports::tidegate::rooms::rooms::Refusal;
use crate::refuse::{bad, call};
use crate::region::Home;

/// How late a revocation may be seen.
const TRUSTED: Duration = Duration::from_secs(1);
/// Callers that are remembered, at most. When there are more, those who have lapsed make room, else all do.
const REMEMBERED: usize = 1_024;

type Caller = (String, Option<String>);

thread_local! {
    static CLEAR: RefCell<HashMap<Caller, Instant>> = RefCell::new(HashMap::new());
}

/// Refuses a caller who was revoked, or whose token was.
pub(crate) async fn check(home: &Home, subject: &str, token: Option<&str>) -> Result<(), Refusal> {
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
