//! The operators' listener.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tokio::sync::Notify;

use crate::node::Node;

/// A node that Redis has not served for so long is not ready, ms.
const FRESH_MS: u64 = 3_000;

/// What the listener looks at.
#[derive(Default)]
pub struct Admin {
    /// Set when Redis was first reached.
    pub node: OnceLock<Arc<Node>>,
    /// When Redis last took a write, ms of the node's clock; 0: never.
    pub served_ms: Arc<AtomicU64>,
    /// `POST /drain` was called.
    pub drain: Notify,
}

impl Admin {
    fn readiness(&self) -> Result<(), &'static str> {
        let Some(node) = self.node.get() else {
            return Err("Redis has not been reached yet");
        };
        if node.draining.load(Ordering::Relaxed) {
            return Err("the node drains");
        }
        if node.name_taken.load(Ordering::Relaxed) {
            return Err("another node has this node's name");
        }
        let served_ms = self.served_ms.load(Ordering::Relaxed);
        if served_ms == 0 || node.clock.now_ms().saturating_sub(served_ms) > FRESH_MS {
            return Err("Redis does not serve");
        }
        Ok(())
    }
}

/// Serves until the process ends.
pub async fn serve(listener: tokio::net::TcpListener, admin: Arc<Admin>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/drain", post(drain))
        .with_state(admin);
    axum::serve(listener, router).await
}

async fn ready(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    match admin.readiness() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

async fn metrics(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    let text = admin
        .node
        .get()
        .map(|node| node.metrics.text(node.most_connections))
        .unwrap_or_default();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

async fn drain(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    admin.drain.notify_one();
    (StatusCode::ACCEPTED, "draining\n")
}
