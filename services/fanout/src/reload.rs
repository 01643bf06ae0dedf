//! SIGHUP: the ticket keys of `.env` are read again, so that keys are rotated while viewers stay.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tidegate_auth::TicketKeys;
use tokio::signal::unix::Signal;

use crate::config;
use crate::node::Node;

/// What holds the ticket keys, in `.env` and in the environment.
const NAME: &str = "SPIN_VARIABLE_TICKET_KEYS";

/// Whether the keys were given to this process by itself, where they cannot change: then `.env` has no say. Asked before `.env`
/// becomes part of the environment.
pub fn are_given() -> bool {
    let is_flag = |word: &std::ffi::OsStr| {
        word.to_str()
            .is_some_and(|word| word == "--ticket-keys" || word.starts_with("--ticket-keys="))
    };
    std::env::var_os(NAME).is_some() || std::env::args_os().any(|word| is_flag(&word))
}

/// Reads the keys again at each signal. Keys that are not taken leave those that are in use.
pub async fn on_signals(mut hangup: Signal, node: Arc<Node>, keys_are_given: bool) {
    while hangup.recv().await.is_some() {
        if keys_are_given {
            tracing::warn!(
                "SIGHUP: the ticket keys came by flag or environment and cannot change; put them into .env instead"
            );
            continue;
        }
        match read(Path::new(".env"), &node) {
            Ok(keys) => {
                tracing::info!(kids = ?keys.kids(), "SIGHUP: the ticket keys were read again");
                node.set_tickets(keys);
            }
            Err(error) => {
                tracing::error!("SIGHUP: the ticket keys stay as they were: {error:#}");
            }
        }
    }
}

fn read(path: &Path, node: &Node) -> anyhow::Result<TicketKeys> {
    let lines = dotenvy::from_path_iter(path).context(".env")?;
    let mut text = None;
    for line in lines {
        // The parser's own error repeats the line, secrets included.
        let (name, value) = line.map_err(|_| anyhow::anyhow!(".env: a line is malformed"))?;
        if name == NAME && text.is_none() {
            text = Some(value);
        }
    }
    let text = text.with_context(|| format!(".env has no {NAME}"))?;
    config::ticket_keys(&text, node.has_local_redis)
}
