//! Messages and likes.

use std::time::{Duration, Instant};

use component_link::Again;
use tidegate_stream::calls::{Publish, PublishFlags, Receipt};

use crate::bindings::exports::tidegate::rooms::rooms as wit;
use crate::refuse::{bad, call};
use crate::region::Home;
use crate::revoked;

/// Who keeps the time of a call to Redis.
#[derive(Clone, Copy)]
pub(crate) enum Timed {
    /// This component.
    Here,
    /// Whoever called it, who drops the call when it takes too long.
    ByCaller,
}

/// Appends a message, or counts a like.
pub(crate) async fn publish(
    home: &Home,
    message: &wit::Message,
    timed: Timed,
) -> Result<wit::Receipt, wit::Refusal> {
    revoked::check(home, &message.caller, message.token.as_deref()).await?;
    let room = message.room.parse().map_err(bad)?;
    let subject = message.subject.parse().map_err(bad)?;
    let publish = Publish {
        region: &home.region,
        room: &room,
        kind: message.kind.parse().map_err(bad)?,
        subject: &subject,
        info: &message.info,
        data: &message.data,
        key: &message.key,
        posted: &message.posted,
        trace: &message.trace,
        flags: PublishFlags {
            // Whoever publishes has shown a token that is good for this room.
            may_enter: true,
            shadow: message.shadow,
            follows: message.follows,
            moderates: message.moderates,
            service: message.service,
        },
    };
    // With a key the function itself tells a repeat; without one nobody can tell whether Redis had carried it out.
    let again = if message.key.is_empty() {
        Again::Never
    } else {
        Again::Harmless
    };
    let asked = publish.call(&home.keys, &home.bounds);
    let replies = match timed {
        Timed::Here => home.call(&asked, again).await?,
        Timed::ByCaller => home.call_unbounded(&asked, again).await?,
    };
    Ok(match publish.answer(&replies).map_err(call)? {
        Receipt::Appended(appended) => wit::Receipt::Appended(wit::Appended {
            id: appended.id.to_string(),
            cursor: appended.cursor.to_string(),
        }),
        Receipt::Counted { total } => wit::Receipt::Counted(total),
    })
}

/// How long a batch may take until the rest of it is not tried any more. A publisher's own time-out is longer as a rule.
const BATCH: Duration = Duration::from_secs(10);

/// Appends messages one after the other, so that those of one room keep their order.
pub(crate) async fn batch(
    home: &Home,
    messages: &[wit::Message],
) -> Vec<Result<wit::Receipt, wit::Refusal>> {
    let began = Instant::now();
    let mut answers = Vec::with_capacity(messages.len());
    let mut in_vain: Option<wit::Refusal> = None;
    for message in messages {
        if began.elapsed() > BATCH && in_vain.is_none() {
            in_vain = Some(wit::Refusal::Unreachable(format!(
                "the batch took longer than {} s",
                BATCH.as_secs()
            )));
        }
        let answer = match &in_vain {
            Some(refusal) => Err(refusal.clone()),
            None => publish(home, message, Timed::Here).await,
        };
        if let Err(refusal) = &answer
            && is_everybodys(refusal)
        {
            in_vain = Some(refusal.clone());
        }
        answers.push(answer);
    }
    answers
}

/// Whether a refusal is the region's, so that the next message would meet it too.
fn is_everybodys(refusal: &wit::Refusal) -> bool {
    matches!(
        refusal,
        wit::Refusal::Unreachable(_)
            | wit::Refusal::Full
            | wit::Refusal::Library(_)
            | wit::Refusal::Layout(_)
            | wit::Refusal::Revoked
    )
}
