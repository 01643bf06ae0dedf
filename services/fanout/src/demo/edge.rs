//! What the demo's back end asks of the edge.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::requests::signed;
use super::{ROOM, TITLE};
use crate::config::DemoConfig;

const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_secs(1);

/// Publishes in the demo's room: status and body.
pub(super) async fn publish(
    config: Arc<DemoConfig>,
    token: String,
    key: String,
    message: Value,
) -> anyhow::Result<(u16, Value)> {
    let path = format!("/v1/rooms/{ROOM}/messages");
    post(config, path, token, Some(key), message).await
}

/// Makes the room, as soon as the edge is there. One that is there already is as good.
pub(super) async fn make_room(config: Arc<DemoConfig>) {
    let mut said = false;
    loop {
        let Ok(token) = signed(&config, "demo-host", "rooms:write", None) else {
            return;
        };
        let room = json!({"id": ROOM, "title": TITLE});
        let why = match post(config.clone(), "/v1/rooms".to_owned(), token, None, room).await {
            Ok((201 | 409, _)) => return tracing::info!(room = ROOM, "the demo's room is there"),
            Ok((status, body)) => {
                format!("{status} {}", body["detail"].as_str().unwrap_or_default())
            }
            Err(error) => error.to_string(),
        };
        if !std::mem::replace(&mut said, true) {
            tracing::info!(
                edge = config.edge(),
                why,
                "the demo's room is not there yet; trying on"
            );
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn post(
    config: Arc<DemoConfig>,
    path: String,
    token: String,
    key: Option<String>,
    body: Value,
) -> anyhow::Result<(u16, Value)> {
    let send = move || -> anyhow::Result<(u16, Value)> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .build()
            .into();
        let mut request = agent
            .post(format!("{}{path}", config.edge()))
            .header("authorization", format!("Bearer {token}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let mut answer = request.send_json(&body)?;
        let status = answer.status().as_u16();
        Ok((status, answer.body_mut().read_json().unwrap_or(Value::Null)))
    };
    tokio::task::spawn_blocking(send).await?
}
