//! The function library: asked for once a connection, loaded when it is missing or older.

use tidegate_stream::calls::{HOW_TO_LOAD, Library, VERSION, Version, load_command};

use crate::answer::{self, LinkError};
use crate::kept::Shared;

/// What to do when a component may not load the library itself.
pub(crate) fn advice(reason: &str) -> LinkError {
    LinkError::Library(format!(
        "the function library in Redis is missing or older than version {VERSION} and could not be loaded \
         ({reason}); load infra/redis/tidegate.lua with: {HOW_TO_LOAD}"
    ))
}

/// Makes sure that the library behind this connection is at least as new as the one built in. A newer one stays.
pub(crate) async fn ensure(kept: &Shared) -> Result<(), LinkError> {
    let ask = Version::call();
    let there = match kept
        .execute(ask.verb(), answer::parameters(ask.arguments()))
        .await
    {
        Ok(replies) => Version::answer(&replies).unwrap_or(Library::Missing),
        Err(LinkError::Library(_)) => Library::Missing,
        Err(other) => return Err(other),
    };
    if there.must_be_loaded() {
        let mut words = load_command().into_iter();
        let verb = words.next().unwrap_or_default();
        let loaded = kept
            .execute(&String::from_utf8_lossy(&verb), answer::parameters(words))
            .await;
        match loaded {
            Ok(_) => {}
            Err(LinkError::Fault(reason)) => return Err(advice(&reason)),
            Err(other) => return Err(other),
        }
    }
    kept.set_library_seen();
    Ok(())
}
