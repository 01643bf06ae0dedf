//! The edge, as a back end and as a guest see it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tidegate_auth::{Claims, KeySet, token};
use ureq::Agent;

/// Longer than a run may take.
const TOKEN_LIFE_S: u64 = 2 * 3_600;

/// What a join gives.
pub struct Joined {
    /// Good for every viewer here: it is one guest's, and may be used again.
    pub ticket: String,
    /// Sockets to try.
    pub endpoints: Vec<String>,
}

/// One edge and one room, with a service's token.
#[derive(Clone)]
pub struct Edge {
    base: String,
    room: String,
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
    pub fn new(base: &str, room: &str) -> Result<Self> {
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
            base: base.to_owned(),
            room: room.to_owned(),
            token: token::sign(&keys, &claims)?,
            agent,
        })
    }

    fn post(&self, path: &str, bearer: bool, body: &Value) -> Result<(u16, Value)> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if bearer {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        let mut response = request
            .send_json(body)
            .with_context(|| format!("{} does not answer", self.base))?;
        let status = response.status().as_u16();
        Ok((
            status,
            response.body_mut().read_json().unwrap_or(Value::Null),
        ))
    }

    /// Creates the room; one that is there already will do.
    pub fn create_room(&self) -> Result<()> {
        match self.post("/v1/rooms", true, &json!({"id": self.room}))? {
            (201 | 409, _) => Ok(()),
            (status, answer) => bail!("the room could not be created: {status} {answer}"),
        }
    }

    /// Joins as a guest.
    pub fn join(&self) -> Result<Joined> {
        let (status, answer) =
            self.post(&format!("/v1/rooms/{}/join", self.room), false, &json!({}))?;
        let endpoints: Vec<String> = answer["endpoints"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|endpoint| endpoint["url"].as_str().map(str::to_owned))
            .collect();
        match answer["ticket"].as_str() {
            Some(ticket) if !endpoints.is_empty() => Ok(Joined {
                ticket: ticket.to_owned(),
                endpoints,
            }),
            _ => bail!("the room could not be joined: {status} {answer}"),
        }
    }

    /// Publishes one line of chat that says its number and when it was sent.
    pub fn publish(&self, number: u64) -> Result<()> {
        let data = json!({"text": "x".repeat(64), "number": number, "sent_us": now_us()});
        let body = json!({"kind": "chat", "data": data, "as": {"sub": "load"}});
        match self.post(&format!("/v1/rooms/{}/messages", self.room), true, &body)? {
            (202, _) => Ok(()),
            (status, answer) => bail!("a publish was refused: {status} {answer}"),
        }
    }
}
