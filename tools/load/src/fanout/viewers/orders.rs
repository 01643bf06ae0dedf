//! Lines from and to the coordinator.

use std::io::{BufRead, Write, stdin, stdout};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use anyhow::Result;
use mio::{Poll, Token, Waker};

use crate::fanout::control::{Order, Word};

/// What no socket has.
pub const WAKE: Token = Token(usize::MAX);

/// Orders as they come, and the poll that they wake.
pub struct Orders {
    lines: Receiver<Order>,
    /// Wakes with [`WAKE`] when there is an order, or there will be none.
    pub poll: Poll,
}

impl Orders {
    /// Begins to listen.
    pub fn new() -> Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in stdin().lock().lines().map_while(Result::ok) {
                let Ok(order) = serde_json::from_str(&line) else {
                    break;
                };
                if send.send(order).is_err() || waker.wake().is_err() {
                    return;
                }
            }
            drop(send);
            let _ = waker.wake();
        });
        Ok(Self { lines, poll })
    }

    /// The next order, waited for; none when there will be no more.
    pub fn wait(&mut self) -> Option<Order> {
        self.lines.recv().ok()
    }

    /// The next order that is there.
    ///
    /// # Errors
    /// When there will be no more.
    pub fn next(&mut self) -> Result<Option<Order>, ()> {
        match self.lines.try_recv() {
            Ok(order) => Ok(Some(order)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(()),
        }
    }
}

/// Says something to the coordinator.
///
/// # Errors
/// When it is gone.
pub fn say(word: &Word) -> Result<()> {
    let mut line = serde_json::to_string(word)?;
    line.push('\n');
    let mut out = stdout().lock();
    out.write_all(line.as_bytes())?;
    Ok(out.flush()?)
}
