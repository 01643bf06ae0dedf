//! The function library: asked for once a connection, loaded when it is missing or older.

use spin_sdk::redis::RedisParameter;
use tidegate_stream::calls::{Reply, library};

use crate::answer::LinkError;
use crate::kept::Shared;

/// What to do when a component may not load the library itself.
pub(crate) fn advice(reason: &str) -> LinkError {
    LinkError::Library(format!(
        "the function library in Redis is missing or older than version {} and could not be loaded ({reason}); load \
         infra/redis/tidegate.lua with: redis-cli -x FUNCTION LOAD REPLACE < infra/redis/tidegate.lua",
        library::VERSION
    ))
}

/// Makes sure that the library behind this connection is at least as new as the one built in. A newer one stays.
pub(crate) async fn ensure(kept: &Shared) -> Result<(), LinkError> {
    let there = match kept.execute("FCALL", binary(&["tg_version", "0"])).await {
        Ok(replies) => version(&replies),
        Err(LinkError::Library(_)) => None,
        Err(other) => return Err(other),
    };
    if there.is_none_or(|version| version < i64::from(library::VERSION)) {
        match kept
            .execute("FUNCTION", binary(&["LOAD", "REPLACE", library::TEXT]))
            .await
        {
            Ok(_) => {}
            Err(LinkError::Fault(reason) | LinkError::Library(reason)) => {
                return Err(advice(&reason));
            }
            Err(other) => return Err(other),
        }
    }
    kept.set_library_seen();
    Ok(())
}

fn version(replies: &[Reply]) -> Option<i64> {
    match replies {
        [Reply::Int(version)] => Some(*version),
        _ => None,
    }
}

fn binary(arguments: &[&str]) -> Vec<RedisParameter> {
    arguments
        .iter()
        .map(|a| RedisParameter::Binary(a.as_bytes().to_vec()))
        .collect()
}
