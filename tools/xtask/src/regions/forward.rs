//! Hands connections on: the demo page listens on its region's loopback only, and is looked at from outside of it.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result};

/// From where to where.
#[derive(Debug, clap::Args)]
pub struct Args {
    listen: SocketAddr,
    to: SocketAddr,
}

/// Does so until it is ended.
///
/// # Errors
/// When it cannot listen.
pub fn run(args: &Args) -> Result<()> {
    let to = args.to;
    let listener =
        TcpListener::bind(args.listen).with_context(|| format!("{} cannot be had", args.listen))?;
    for stream in listener.incoming().flatten() {
        thread::spawn(move || pass(stream, to));
    }
    Ok(())
}

/// Both ways, until both have ended.
fn pass(near: TcpStream, to: SocketAddr) -> io::Result<()> {
    let far = TcpStream::connect(to)?;
    let (mut near_read, mut far_write) = (near.try_clone()?, far.try_clone()?);
    let there = thread::spawn(move || {
        let _ = io::copy(&mut near_read, &mut far_write);
        let _ = far_write.shutdown(Shutdown::Write);
    });
    let (mut near, mut far) = (near, far);
    let _ = io::copy(&mut far, &mut near);
    let _ = near.shutdown(Shutdown::Both);
    let _ = far.shutdown(Shutdown::Both);
    let _ = there.join();
    Ok(())
}
