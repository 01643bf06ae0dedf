//! The end of a node in order: who asks for it, how long newcomers are still served, and the viewers' leave.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tidegate_hub::{Stage, Stop};
use tidegate_room::places::Turns;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::admin::Admin;
use crate::node::{CoreHandle, Node, ToCore};

/// How long cores may take after the grace period.
const LAST: Duration = Duration::from_secs(5);

/// Who asked for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// SIGTERM or SIGINT.
    BySignal,
    /// `POST /drain`.
    ByCall,
}

/// Where the wish to stop comes from.
pub struct Wishes {
    terminate: Signal,
    interrupt: Signal,
    admin: Arc<Admin>,
}

impl Wishes {
    /// From now on signals are noted instead of ending the process.
    pub fn new(admin: Arc<Admin>) -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            admin,
        })
    }

    /// Waits for the first.
    pub async fn first(&mut self) -> Asked {
        let drain = self.admin.clone();
        tokio::select! {
            () = self.signal() => Asked::BySignal,
            () = drain.drain.notified() => Asked::ByCall,
        }
    }

    async fn signal(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits until the listeners may close. A second signal ends the wait. One after `/drain` is the first: a supervisor that
/// called it sends SIGTERM too, and must not cut the wait short by that.
pub async fn wait(
    node: &Node,
    cores: &[CoreHandle],
    wait_ms: u64,
    asked: Asked,
    wishes: &mut Wishes,
) {
    let mut stop = Stop::new(node.clock.now_ms(), wait_ms);
    let mut signals = u32::from(asked == Asked::BySignal);
    let mut closing = false;
    while let Some(next_in_ms) = stop.next_in_ms(node.clock.now_ms()) {
        if stop.stage(node.clock.now_ms()) == Stage::Closing
            && !std::mem::replace(&mut closing, true)
        {
            tell(cores, &ToCore::Close);
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(next_in_ms)) => {}
            () = wishes.signal() => {
                signals += 1;
                if signals > 1 {
                    stop.hurry(node.clock.now_ms());
                }
            }
        }
    }
}

/// Sends the viewers away and waits for the cores, not for ever.
pub async fn drain(
    cores: &[CoreHandle],
    threads: Vec<JoinHandle<()>>,
    grace_ms: u64,
    turns: &Turns,
) {
    tell(cores, &ToCore::Drain(grace_ms, turns.clone()));
    let deadline = Instant::now() + Duration::from_millis(grace_ms) + LAST;
    while threads.iter().any(|thread| !thread.is_finished()) {
        if Instant::now() > deadline {
            tracing::warn!("a core did not end in time");
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn tell(cores: &[CoreHandle], word: &ToCore) {
    for core in cores {
        // One that has ended has no viewers.
        let _ = core.sender.send(word.clone());
    }
}
