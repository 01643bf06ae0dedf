//! The operators' listener.

use std::sync::{Arc, OnceLock};

use anyhow::ensure;
use axum::Router;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use subtle::ConstantTimeEq;
use tidegate_protocol::upgrade::{ALIVE, Readiness};
use tokio::sync::Notify;

use crate::node::Node;

/// The fewest signs of a token: 16 of base64 are 96 bits, which nobody guesses over a network.
const LEAST_TOKEN: usize = 16;
/// And the most.
const MOST_TOKEN: usize = 256;

/// What whoever may stop the node shows (RFC 6750, section 2.1). It is never printed.
pub struct Token(String);

impl Token {
    /// 16 to 256 visible ASCII signs.
    pub fn new(text: &str) -> anyhow::Result<Self> {
        ensure!(
            (LEAST_TOKEN..=MOST_TOKEN).contains(&text.len())
                && text.bytes().all(|sign| sign.is_ascii_graphic()),
            "--admin-token (TIDEGATE_ADMIN_TOKEN) must be {LEAST_TOKEN} to {MOST_TOKEN} visible ASCII signs; `openssl rand \
             -hex 32` makes one"
        );
        Ok(Self(text.to_owned()))
    }

    /// Whether a request shows it. How long that takes tells nothing but the length of what was shown.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked(BEARER.len()))
            .is_some_and(|(scheme, shown)| {
                scheme.eq_ignore_ascii_case(BEARER) && self.0.as_bytes().ct_eq(shown).into()
            })
    }
}

const BEARER: &[u8] = b"Bearer ";

/// What the listener looks at.
pub struct Admin {
    /// Set when Redis was first reached.
    pub node: OnceLock<Arc<Node>>,
    /// `POST /drain` was called.
    pub drain: Notify,
    /// Whoever shows it may call that; none: nobody.
    token: Option<Token>,
}

impl Admin {
    /// Before Redis has been reached.
    pub fn new(token: Option<Token>) -> Self {
        Self {
            node: OnceLock::new(),
            drain: Notify::new(),
            token,
        }
    }

    fn readiness(&self) -> Readiness {
        self.node
            .get()
            .map_or(Readiness::Starting, |node| node.readiness())
    }
}

/// Serves until the process ends.
pub async fn serve(listener: tokio::net::TcpListener, admin: Arc<Admin>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { ALIVE }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/drain", post(drain))
        .with_state(admin);
    axum::serve(listener, router).await
}

async fn ready(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    let readiness = admin.readiness();
    let status = StatusCode::from_u16(readiness.status());
    (
        status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
        readiness.text(),
    )
}

async fn metrics(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    let text = admin
        .node
        .get()
        .map(|node| node.metrics.text(node.most_connections))
        .unwrap_or_default();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

async fn drain(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Response {
    match &admin.token {
        None => (
            StatusCode::FORBIDDEN,
            "this node has no token for it: set TIDEGATE_ADMIN_TOKEN, or send the process SIGTERM, which does the same\n",
        )
            .into_response(),
        Some(token) if token.is_shown(&headers) => {
            admin.drain.notify_one();
            (StatusCode::ACCEPTED, "draining\n").into_response()
        }
        Some(_) => (
            StatusCode::UNAUTHORIZED,
            [(WWW_AUTHENTICATE, "Bearer")],
            "show the token (TIDEGATE_ADMIN_TOKEN): `Authorization: Bearer TOKEN`\n",
        )
            .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_opens() {
        let token = Token::new("0123456789abcdef").unwrap();
        let shown = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            token.is_shown(&headers)
        };
        assert!(shown("Bearer 0123456789abcdef"));
        assert!(
            shown("bearer 0123456789abcdef"),
            "RFC 9110: a scheme in any case"
        );
        for wrong in [
            "",
            "Bearer ",
            "0123456789abcdef",
            "Basic 0123456789abcdef",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Bearer 0123456789abcdeF",
        ] {
            assert!(!shown(wrong), "{wrong:?}");
        }
        assert!(!token.is_shown(&HeaderMap::new()));
    }

    #[test]
    fn a_token_that_could_be_guessed_or_not_be_sent_is_refused() {
        let long = "x".repeat(MOST_TOKEN + 1);
        for bad in [
            "",
            "0123456789abcde",
            "0123456789 abcdef",
            "0123456789abcdé",
            &long,
        ] {
            assert!(Token::new(bad).is_err(), "{bad:?}");
        }
    }
}
