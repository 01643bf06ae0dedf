//! A process of viewers: one thread that opens sockets, reads them, and says how far it is.

mod conn;
mod crowd;
mod orders;

use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use self::crowd::Crowd;
use self::orders::Orders;
use super::control::{Order, Word};

/// Does what the coordinator says on standard input until that ends.
///
/// # Errors
/// When the first line is no job; what goes wrong later is told to the coordinator.
pub fn run() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    // Where it may not be raised, opening says which socket was one too many.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
    let mut orders = Orders::new()?;
    let Some(Order::Open(job)) = orders.wait() else {
        bail!("`viewers` is what `load fanout` starts, and takes a job on standard input");
    };
    let done = Crowd::new(&job, orders).and_then(Crowd::run);
    if let Err(error) = done {
        orders::say(&Word::Failed(format!("{error:#}")))?;
    }
    Ok(())
}
