//! `load`: many sockets, or many requests, and what a server makes of them.

mod edge;
mod fanout;
mod files;
mod floor;
mod http;
mod progress;

use anyhow::Result;
use clap::Parser;

/// Measures servers: viewers' sockets and what is published to them, or requests over HTTP.
#[derive(Parser)]
#[command(version, max_term_width = 110)]
enum Args {
    /// Viewers' sockets, messages at a fixed rate, and what reached whom and when.
    Fanout(fanout::Args),
    /// The least that a server can do: a bare loop of send(2), to compare others with.
    Floor(floor::Args),
    /// Requests over HTTP, as many as are answered, and the CPU that they take: one line of JSON.
    Http(http::Args),
    /// A process of viewers; `fanout` starts it.
    #[command(hide = true)]
    Viewers,
}

fn main() -> Result<()> {
    match Args::parse() {
        Args::Fanout(args) => fanout::run(&args),
        Args::Floor(args) => floor::run(&args),
        Args::Http(args) => http::run(&args),
        Args::Viewers => fanout::viewers::run(),
    }
}
