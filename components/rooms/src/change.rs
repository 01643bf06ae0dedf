//! Changes of a room, and of who may do what in it.

use component_link::Again;
use tidegate_stream::calls::{Control, Right, Verb};

use crate::bindings::exports::tidegate::rooms::rooms::{Actor, Refusal, Right as Asked};
use crate::refuse::{bad, call};
use crate::region::Home;
use crate::revoked;

/// Carries out one change, with the entry that says so.
pub(crate) async fn apply(
    home: &Home,
    room: &str,
    by: &Actor,
    verb: Verb<'_>,
) -> Result<(), Refusal> {
    let subject = by.subject.parse().map_err(bad)?;
    revoked::check(home, &by.subject, by.token.as_deref()).await?;
    // Done twice, these would be refused the second time, and the caller told that what was done had failed.
    let again = match verb {
        Verb::Create { .. } | Verb::Close => Again::Never,
        _ => Again::Harmless,
    };
    let control = Control {
        region: &home.region,
        room: &room.parse().map_err(bad)?,
        verb,
        by: Some(&subject),
        right: match by.right {
            Asked::ByScope => Right::Scope,
            Asked::AsOwner => Right::Owner,
            Asked::AsModerator => Right::Moderator,
        },
        trace: &by.trace,
    };
    let replies = home
        .call(&control.call(&home.keys, &home.bounds), again)
        .await?;
    control.answer(&replies).map(|_| ()).map_err(call)
}
