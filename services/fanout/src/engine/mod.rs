//! The engine: one thread a core, each with its sockets, rooms and one poll, and no task or timer a viewer.

mod actions;
mod conn;
mod conns;
mod core;
mod desk;
mod drain;
mod frames;
mod listen;
mod parting;
mod pressure;
mod read;
mod silent;
mod subs;
mod tick;
mod tls;
mod tour;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use self::core::Core;
use crate::node::{CoreHandle, Counts, Node, ToTail};

pub use listen::bind;

/// Starts a core's thread.
pub fn start(
    index: usize,
    node: Arc<Node>,
    listener: TcpListener,
    tail: mpsc::UnboundedSender<ToTail>,
    counts: mpsc::UnboundedSender<Counts>,
) -> std::io::Result<(CoreHandle, JoinHandle<()>)> {
    let (sender, inbox) = mpsc::unbounded_channel();
    let queued_bytes = Arc::new(AtomicUsize::new(0));
    let handle = CoreHandle {
        sender,
        queued_bytes: queued_bytes.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let poll = mio::Poll::new()?;
    let thread = std::thread::Builder::new()
        .name(format!("core-{index}"))
        .spawn(move || {
            let local = tokio::task::LocalSet::new();
            let ended = local.block_on(&runtime, async move {
                let (results, done) = mpsc::unbounded_channel();
                let core = Core::new(
                    index,
                    node,
                    &poll,
                    listener,
                    tail,
                    counts,
                    queued_bytes,
                    results,
                )?;
                core.run(poll, inbox, done).await
            });
            if let Err(error) = ended {
                tracing::error!(%error, core = index, "a core has ended");
            }
        })?;
    Ok((handle, thread))
}
