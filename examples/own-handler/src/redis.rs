//! The way to Redis: one connection that outlives a request.

use std::cell::RefCell;
use std::rc::Rc;

use spin_sdk::redis::{Connection, RedisParameter, RedisResult};

use crate::answer::Refusal;
use crate::settings::Settings;

thread_local! {
    /// An instance serves several requests at once, so the connection is shared, and never borrowed while one waits.
    static KEPT: RefCell<Option<Rc<Connection>>> = const { RefCell::new(None) };
}

/// Sends a command.
pub(crate) async fn command(
    settings: &Settings,
    name: &str,
    words: &[&str],
) -> Result<Vec<RedisResult>, Refusal> {
    let kept = KEPT.with_borrow(Option::clone);
    let connection = match kept {
        Some(connection) => connection,
        None => {
            let opened = Connection::open(&settings.redis_url).await;
            let opened = opened.map_err(|error| Refusal::Away(format!("{error:?}")))?;
            let connection = Rc::new(opened);
            KEPT.set(Some(Rc::clone(&connection)));
            connection
        }
    };
    let words: Vec<_> = words
        .iter()
        .map(|word| RedisParameter::Binary(word.as_bytes().to_vec()))
        .collect();
    connection.execute(name, words).await.map_err(|error| {
        // Whatever it was, the next call has a fresh connection.
        KEPT.set(None);
        Refusal::Away(format!("{error:?}"))
    })
}
