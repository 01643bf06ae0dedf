//! The edge, as a back end sees it; and its settings.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tidegate_auth::{Claims, KeySet, token};
use ureq::Agent;

/// Longer than a run may take.
const TOKEN_LIFE_S: u64 = 2 * 3_600;

/// One edge, with a service's token.
pub struct Edge {
    base: String,
    token: String,
    agent: Agent,
}

/// Microseconds since the epoch.
pub fn now_us() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// A variable of spin.toml: from the environment, `.env` or `.env.example`.
///
/// # Errors
/// When none of them has it.
pub fn variable(name: &str) -> Result<String> {
    let name = format!("SPIN_VARIABLE_{name}");
    if let Ok(value) = std::env::var(&name) {
        return Ok(value);
    }
    for file in [".env", ".env.example"] {
        let Ok(lines) = dotenvy::from_filename_iter(file) else {
            continue;
        };
        for (key, value) in lines.flatten() {
            if key == name {
                return Ok(value);
            }
        }
    }
    bail!("{name} is not set: set it, or run this where `.env` or `.env.example` is")
}

impl Edge {
    /// An edge at `base`, with a token signed by the first of `auth_keys`, good for two hours.
    ///
    /// # Errors
    /// When a variable is missing or malformed.
    pub fn new(base: &str) -> Result<Self> {
        let keys = KeySet::parse(&variable("AUTH_KEYS")?).context("SPIN_VARIABLE_AUTH_KEYS")?;
        let now_s = now_us() / 1_000_000;
        let claims = Claims {
            iss: variable("AUTH_ISSUER")?,
            aud: variable("AUTH_AUDIENCE")?,
            sub: "load".to_owned(),
            iat: now_s,
            exp: now_s + TOKEN_LIFE_S,
            nbf: None,
            jti: None,
            scope: "service rooms:write".to_owned(),
            rooms: None,
            follows: None,
            info: None,
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(10)))
            .build()
            .into();
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            token: token::sign(&keys, &claims)?,
            agent,
        })
    }

    fn post(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        let mut response = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .send_json(body)
            .with_context(|| format!("{} does not answer", self.base))?;
        let status = response.status().as_u16();
        let answer = response.body_mut().read_json().unwrap_or(Value::Null);
        Ok((status, answer))
    }

    /// Creates a room; one that is there already will do.
    ///
    /// # Errors
    /// When the edge is not reached or refuses.
    pub fn create_room(&self, room: &str) -> Result<()> {
        match self.post("/v1/rooms", &json!({"id": room}))? {
            (201 | 409, _) => Ok(()),
            (status, answer) => bail!("the room could not be created: {status} {answer}"),
        }
    }

    /// Publishes one line of chat.
    ///
    /// # Errors
    /// When the edge is not reached or refuses.
    pub fn publish(&self, room: &str, text: &str) -> Result<()> {
        let body = json!({"kind": "chat", "data": {"text": text}, "as": {"sub": "load"}});
        match self.post(&format!("/v1/rooms/{room}/messages"), &body)? {
            (202, _) => Ok(()),
            (status, answer) => bail!("a publish was refused: {status} {answer}"),
        }
    }
}
