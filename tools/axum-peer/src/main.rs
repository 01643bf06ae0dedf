//! The edge's publish as a native handler: the same decisions from the same crates, the same two calls of the same function
//! library, the same answer and line of log. What `cargo xtask bench edge` holds the edge against, and nothing else: it does
//! a constant answer and messages of viewers, and looks for no revocation.

mod peer;
mod publish;
mod redis;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::peer::Peer;

/// Serves `GET /static` and `POST /v1/rooms/{room}/messages` natively, for a comparison with the edge.
///
/// Every variable of spin.toml is read from SPIN_VARIABLE_NAME; none has a default here.
#[derive(Parser)]
struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:3001")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let peer = Arc::new(Peer::from_environment().await?);
    let app = Router::new()
        .route(
            "/static",
            get(|| async { ([(CONTENT_TYPE, "text/plain")], "ok\n") }),
        )
        .route("/v1/rooms/{room}/messages", post(publish::handle))
        .with_state(peer);
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    println!("listening on http://{}", listener.local_addr()?);
    let mut terminate = signal(SignalKind::terminate())?;
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |stream| {
            // As the edge does: an answer never waits for the client's acknowledgement.
            let _ = stream.set_nodelay(true);
        }),
        service,
    )
    .with_graceful_shutdown(async move {
        terminate.recv().await;
    })
    .await?;
    Ok(())
}
