//! The demo's back end: serves the page, gives tokens for a chosen name, and publishes gifts as a service would after
//! payment. Loopback only.

mod edge;
mod files;
mod names;
mod requests;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::config::DemoConfig;

/// The one room of the demo.
pub const ROOM: &str = "demo.lobby";
/// What the room is called.
const TITLE: &str = "Tidegate demo";
/// A request's body, bytes: a name or a gift.
const BODY_BYTES: usize = 1_024;

/// Serves until the process ends.
pub async fn serve(listener: tokio::net::TcpListener, config: DemoConfig) {
    let config = Arc::new(config);
    tokio::spawn(edge::make_room(config.clone()));
    let router = Router::new()
        .route("/demo/config", get(requests::config))
        .route("/demo/token", post(requests::token))
        .route("/demo/gift", post(requests::gift))
        .fallback(get(files::file))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(config);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the demo has ended");
    }
}
