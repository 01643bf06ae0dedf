//! What the page asks.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_auth::token::{Expected, sign, verify};
use tidegate_auth::{Claims, Identity};

use super::{ROOM, edge, names};
use crate::config::DemoConfig;

/// A token of the demo lives so long, s.
const TOKEN_S: u64 = 60 * 60;
/// Most of one gift at once.
const GIFTS: u64 = 99;
/// Longest name of a gift, bytes.
const GIFT_BYTES: usize = 32;

/// A problem (RFC 9457).
pub(super) struct Problem(pub(super) StatusCode, pub(super) String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.0.canonical_reason().unwrap_or_default();
        let body = json!({"type": "about:blank", "title": title, "status": self.0.as_u16(), "detail": self.1});
        let kind = [(axum::http::header::CONTENT_TYPE, "application/problem+json")];
        (self.0, kind, body.to_string()).into_response()
    }
}

impl Problem {
    fn malformed(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, why.into())
    }
}

type Config = State<Arc<DemoConfig>>;

pub(super) async fn config(State(config): Config) -> Json<Value> {
    Json(json!({"edges": config.edges, "room": ROOM}))
}

#[derive(Deserialize)]
pub(super) struct Name {
    name: String,
}

pub(super) async fn token(
    State(config): Config,
    body: Result<Json<Name>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Json(Name { name }) = body.map_err(|error| Problem::malformed(error.body_text()))?;
    let name = names::shown(&name).ok_or_else(|| {
        Problem::malformed(format!("a name has 1 to {} signs", names::NAME_SIGNS))
    })?;
    let subject =
        names::subject(&name).ok_or_else(|| Problem::malformed("this name cannot be used"))?;
    let token = signed(
        &config,
        subject.as_str(),
        "publish",
        Some(json!({"name": name})),
    )?;
    Ok(Json(json!({"token": token, "sub": subject.as_str()})))
}

#[derive(Deserialize)]
pub(super) struct Gift {
    gift: String,
    count: u64,
}

/// Payment would come first; then a back end publishes in the giver's name.
pub(super) async fn gift(
    State(config): Config,
    headers: HeaderMap,
    body: Result<Json<Gift>, JsonRejection>,
) -> Result<Response, Problem> {
    let giver = giver(&config, &headers)?;
    let Json(Gift { gift, count }) = body.map_err(|error| Problem::malformed(error.body_text()))?;
    let plain = !gift.is_empty()
        && gift.len() <= GIFT_BYTES
        && gift
            .bytes()
            .all(|sign| sign.is_ascii_lowercase() || sign == b'-');
    if !plain || !(1..=GIFTS).contains(&count) {
        return Err(Problem::malformed(format!(
            "a gift is 1 to {GIFT_BYTES} of a-z -, and its count 1 to {GIFTS}"
        )));
    }
    let service = signed(&config, "demo-shop", "service", None)?;
    let mut sender = json!({"sub": giver.subject.as_str()});
    if let Ok(info @ Value::Object(_)) = serde_json::from_str(&giver.info) {
        sender["info"] = info;
    }
    let message = json!({"kind": "gift", "data": {"gift": gift, "count": count}, "as": sender});
    let key = format!(
        "demo-{:016x}{:016x}",
        crate::chance::number(),
        crate::chance::number()
    );
    let answer = edge::publish(config, service, key, message).await;
    match answer {
        Ok((202, body)) => Ok((StatusCode::ACCEPTED, Json(body)).into_response()),
        Ok((status, body)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            let detail = body["detail"]
                .as_str()
                .unwrap_or("the edge refused the gift");
            Err(Problem(status, detail.to_owned()))
        }
        Err(error) => {
            tracing::warn!(%error, "a gift could not be published");
            Err(Problem(
                StatusCode::BAD_GATEWAY,
                "the edge is out of reach".to_owned(),
            ))
        }
    }
}

fn giver(config: &DemoConfig, headers: &HeaderMap) -> Result<Identity, Problem> {
    let refused = |why: &str| Problem(StatusCode::UNAUTHORIZED, why.to_owned());
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .ok_or_else(|| refused("send the token from /demo/token as Authorization: Bearer"))?;
    let expected = Expected {
        issuer: &config.issuer,
        audience: &config.audience,
    };
    verify(token, &[&config.keys], &expected, now_s() * 1_000)
        .map_err(|error| refused(&error.to_string()))
}

/// A token of the demo's own.
pub(super) fn signed(
    config: &DemoConfig,
    subject: &str,
    scope: &str,
    info: Option<Value>,
) -> Result<String, Problem> {
    let iat = now_s();
    let claims = Claims {
        iss: config.issuer.clone(),
        aud: config.audience.clone(),
        sub: subject.to_owned(),
        iat,
        exp: iat + TOKEN_S,
        nbf: None,
        jti: Some(format!(
            "{:016x}{:016x}",
            crate::chance::number(),
            crate::chance::number()
        )),
        scope: scope.to_owned(),
        rooms: Some(vec!["demo.*".to_owned()]),
        follows: None,
        info,
    };
    sign(&config.keys, &claims).map_err(|_| {
        Problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "no token could be made".to_owned(),
        )
    })
}

fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
