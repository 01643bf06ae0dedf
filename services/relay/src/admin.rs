//! The operators' listener.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use service_shell::Number;

use crate::metrics::{self, OriginMetrics};
use crate::run::Clock;

/// A Redis that has not served for so long is away, ms.
const FRESH_MS: u64 = 4_000;

/// What the listener looks at.
pub struct Admin {
    clock: Clock,
    /// When this region's Redis last took a write, ms of the relay's clock; 0: never.
    home_ms: Number,
    origins: Vec<Arc<OriginMetrics>>,
}

impl Admin {
    /// Nothing has been reached yet.
    pub fn new(clock: Clock, origins: Vec<Arc<OriginMetrics>>) -> Self {
        Self {
            clock,
            home_ms: Number::default(),
            origins,
        }
    }

    /// This region's Redis took a write.
    pub fn home_served(&self) {
        self.home_ms.set(self.clock.now_ms());
    }

    fn is_home_there(&self) -> bool {
        let at = self.home_ms.get();
        at > 0 && self.clock.now_ms().saturating_sub(at) <= FRESH_MS
    }
}

/// Serves until the process ends.
pub async fn serve(listener: tokio::net::TcpListener, admin: Arc<Admin>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(admin);
    axum::serve(listener, router).await
}

/// Other regions are told in the body and do not change the status: that one of them is away is not this relay's failure.
async fn ready(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    let there = admin.is_home_there();
    let mut body = String::from(if there {
        "ready\n"
    } else {
        "this region's Redis does not serve\n"
    });
    let now_ms = admin.clock.now_ms();
    for origin in &admin.origins {
        let at = origin.contact_ms.get();
        let word = if at > 0 && now_ms.saturating_sub(at) <= FRESH_MS {
            "reached"
        } else {
            "away"
        };
        // A String takes everything.
        let _ = writeln!(body, "{}: {word}", origin.name);
    }
    let status = if there {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, body)
}

async fn metrics(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    let text = metrics::text(&admin.origins, admin.is_home_there(), admin.clock.now_ms());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
