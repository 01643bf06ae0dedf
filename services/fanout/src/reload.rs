//! New keys of tickets and a new certificate without a restart: on SIGHUP they are read from `.env` and from their files
//! again.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use anyhow::Context;
use tidegate_auth::TicketKeys;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{TICKET_KEYS, TicketsFrom, ticket_keys};
use crate::node::Node;

/// Waits for SIGHUP as long as the node runs.
pub async fn on_hang_up(node: Arc<Node>, from: TicketsFrom) {
    let mut hang_up = match signal(SignalKind::hangup()) {
        Ok(hang_up) => hang_up,
        Err(error) => return tracing::warn!(%error, "SIGHUP cannot be waited for"),
    };
    while hang_up.recv().await.is_some() {
        if let Some(tls) = &node.tls {
            match tls.reload() {
                Ok(()) => tracing::info!("the certificate was read again"),
                Err(error) => tracing::error!(
                    error = format!("{error:#}"),
                    "the certificate stays as it was"
                ),
            }
            if !from.file {
                // They are not what this is about.
                continue;
            }
        }
        match read(from) {
            Ok(keys) => {
                *node.tickets.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                tracing::info!("the keys of tickets were read again");
            }
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "the keys of tickets stay as they were"
            ),
        }
    }
}

fn read(from: TicketsFrom) -> anyhow::Result<TicketKeys> {
    anyhow::ensure!(
        from.file,
        "they were given by the environment or a flag, not by `.env`: restart the node"
    );
    let text = dotenvy::from_path_iter(Path::new(".env"))
        .context(".env")?
        .filter_map(Result::ok)
        .find(|(name, _)| name == TICKET_KEYS)
        .map(|(_, value)| value)
        .with_context(|| format!("{TICKET_KEYS} is not in .env"))?;
    ticket_keys(&text, from.example)
}
