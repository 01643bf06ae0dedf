//! The connections that outlive a request.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use spin_sdk::redis::{Connection, RedisParameter};
use tidegate_stream::calls::Reply;

use crate::answer::{self, LinkError};

/// How long a connection is kept. It bounds how long one is used that leads to a primary which was cut off while another was
/// promoted, and an idle one is not used for longer than what lies on the way commonly remembers it.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// Connections kept by one instance, at most: one for each address of a region, and one for limits.
const KEPT_MAX: usize = 8;

thread_local! {
    static KEPT: RefCell<Vec<Shared>> = const { RefCell::new(Vec::new()) };
}

/// A connection that several requests of an instance use at once.
pub(crate) type Shared = Rc<Kept>;

/// An open connection, and what is known of the Redis behind it.
pub(crate) struct Kept {
    url: String,
    connection: Connection,
    since: Instant,
    library_seen: Cell<bool>,
}

impl Kept {
    /// True once this connection has shown a function library that is new enough.
    pub(crate) fn library_seen(&self) -> bool {
        self.library_seen.get()
    }

    /// Notes that the function library is there.
    pub(crate) fn set_library_seen(&self) {
        self.library_seen.set(true);
    }

    /// Sends one command and reads its flattened answer.
    pub(crate) async fn execute(
        &self,
        name: &str,
        parameters: Vec<RedisParameter>,
    ) -> Result<Vec<Reply>, LinkError> {
        match self.connection.execute(name, parameters).await {
            Ok(results) => Ok(results.into_iter().map(answer::reply).collect()),
            Err(error) => Err(answer::error(error)),
        }
    }
}

/// The connection kept for an address, unless it is too old.
pub(crate) fn find(url: &str) -> Option<Shared> {
    KEPT.with_borrow(|kept| {
        kept.iter()
            .find(|k| k.url == url && k.since.elapsed() < KEPT_FOR)
            .cloned()
    })
}

/// Opens a connection and keeps it.
pub(crate) async fn open(url: &str) -> Result<Shared, LinkError> {
    let connection = Connection::open(url).await.map_err(answer::error)?;
    let new = Rc::new(Kept {
        url: url.to_owned(),
        connection,
        since: Instant::now(),
        library_seen: Cell::new(false),
    });
    KEPT.with_borrow_mut(|kept| {
        kept.retain(|k| k.url != url);
        if kept.len() == KEPT_MAX {
            kept.remove(0);
        }
        kept.push(Rc::clone(&new));
    });
    Ok(new)
}

fn forget(old: &Shared) {
    KEPT.with_borrow_mut(|kept| kept.retain(|k| !Rc::ptr_eq(k, old)));
}

/// Gives a connection up unless the call on it settled well: also when the call is dropped half-way, out of time.
pub(crate) struct Guard<'a> {
    kept: &'a Shared,
    sound: bool,
}

impl<'a> Guard<'a> {
    /// Watches over one call.
    pub(crate) fn new(kept: &'a Shared) -> Self {
        Self { kept, sound: false }
    }

    /// Tells how the call ended. A full Redis has answered, so its connection stays.
    pub(crate) fn settle<T>(mut self, outcome: &Result<T, LinkError>) {
        self.sound = matches!(outcome, Ok(_) | Err(LinkError::Full));
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.sound {
            forget(self.kept);
        }
    }
}
