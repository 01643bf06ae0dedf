//! Messages and likes.

use component_link::Again;
use tidegate_stream::calls::{Publish, PublishFlags, Receipt};

use crate::bindings::exports::tidegate::rooms::rooms as wit;
use crate::refuse::{bad, call};
use crate::region::Home;
use crate::revoked;

/// Appends a message, or counts a like.
pub(crate) async fn publish(
    home: &Home,
    message: &wit::Message,
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
            service: message.service,
        },
    };
    // With a key the function itself tells a repeat; without one nobody can tell whether Redis had carried it out.
    let again = if message.key.is_empty() {
        Again::Never
    } else {
        Again::Harmless
    };
    let replies = home
        .call(&publish.call(&home.keys, &home.bounds), again)
        .await?;
    Ok(match publish.answer(&replies).map_err(call)? {
        Receipt::Appended(appended) => wit::Receipt::Appended(wit::Appended {
            id: appended.id.to_string(),
            cursor: appended.cursor.to_string(),
        }),
        Receipt::Counted { total } => wit::Receipt::Counted(total),
    })
}
