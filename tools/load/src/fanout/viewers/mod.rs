//! A process of viewers: one thread that opens sockets, reads them, and says how far it is.

mod conn;
mod crowd;
mod orders;

use anyhow::{Result, bail};

use self::crowd::Crowd;
use self::orders::Orders;
use super::control::{Order, Word};
use crate::files;

/// Does what the coordinator says on standard input until that ends.
///
/// # Errors
/// When the first line is no job; what goes wrong later is told to the coordinator.
pub fn run() -> Result<()> {
    files::allow_many();
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
