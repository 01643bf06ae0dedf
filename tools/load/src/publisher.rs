//! Publishes at a fixed rate, from one thread: the order of the numbers is the order of the log.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::edge::Edge;

/// Publishing under way.
pub struct Publishing(JoinHandle<Result<u64>>);

/// Starts to publish `messages`, `rate` a second. A late one is sent at once: the rate is offered, not waited for.
pub fn start(edge: &Edge, rate: u32, messages: u64) -> Publishing {
    let edge = edge.clone();
    Publishing(std::thread::spawn(move || {
        let begun = Instant::now();
        for number in 0..messages {
            let due = begun + Duration::from_secs(number) / rate;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            edge.publish(number)?;
            if number > 0 && number % u64::from(rate * 5) == 0 {
                eprintln!("{number} of {messages} published");
            }
        }
        Ok(messages)
    }))
}

impl Publishing {
    /// Waits for the end; gives how many were acknowledged.
    pub fn finish(self) -> Result<u64> {
        self.0
            .join()
            .map_err(|_| anyhow!("the publisher panicked"))?
    }
}
