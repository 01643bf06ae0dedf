//! Where Redis is, and which Redis was found there last: a name may lead to another one at any time.

use std::sync::Arc;
use std::time::Duration;

use redis::Client;
use service_link::{LinkError, ServerId};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// How long a connection may take to be made, and an answer to come.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked where the address leads. A primary that was cut off, and another promoted in its place, goes on taking
/// writes and serving reads on old connections; nothing else tells that it is the wrong one.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// One address, which all connections of a node share. When one of them was opened to another Redis than the others, those are
/// made anew: what is written must be what is read.
pub struct Address {
    pub(super) client: Client,
    server: watch::Sender<Option<ServerId>>,
}

impl Address {
    /// An address that nobody has connected to yet.
    pub fn new(client: Client) -> Arc<Self> {
        Arc::new(Self {
            client,
            server: watch::Sender::default(),
        })
    }

    /// A connection was just opened, to this Redis.
    pub(super) fn opened(&self, server: Option<&ServerId>) {
        let Some(server) = server else {
            return;
        };
        self.server.send_if_modified(|known| {
            let moved = known.as_ref() != Some(server);
            if moved {
                if known.is_some() {
                    tracing::warn!(
                        "the address leads to another Redis, or to one that was started anew: every connection is made anew"
                    );
                }
                *known = Some(server.clone());
            }
            moved
        });
    }

    /// Learns when the address leads to another Redis.
    pub fn moves(&self) -> watch::Receiver<Option<ServerId>> {
        self.server.subscribe()
    }

    /// Whether a connection to this Redis is one to where the address leads, as far as is known.
    pub(super) fn is_at(&self, server: Option<&ServerId>) -> bool {
        let known = self.server.borrow();
        match (server, known.as_ref()) {
            (Some(server), Some(known)) => server == known,
            _ => true,
        }
    }

    /// Looks where the address leads, until it is dropped.
    pub async fn watch(self: Arc<Self>) {
        let mut every = tokio::time::interval(LOOK_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            match service_link::leads_to(&self.client, PATIENCE).await {
                Ok(server) => self.opened(server.as_ref()),
                // Whoever calls will see and say so.
                Err(LinkError::Away(why) | LinkError::Fault(why, _)) => {
                    tracing::debug!(why, "where the address leads cannot be seen");
                }
                Err(LinkError::Call(_)) => {}
            }
        }
    }
}
