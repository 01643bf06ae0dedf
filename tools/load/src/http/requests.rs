//! The bytes of requests, made before they are sent as far as they can be.

use std::cell::Cell;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use tidegate_auth::{Claims, KeySet, token};

use super::What;
use crate::edge::{now_us, variable};

/// How long tokens are good: longer than a run.
const LIFE_S: u64 = 2 * 3_600;
/// With the rest of it a message of 128 bytes.
const TEXT: &str =
    "A line of chat that is neither long nor short, as they come by when something happens.";

/// All requests of one run.
pub struct Requests {
    next: Cell<u64>,
    kind: Kind,
    /// Makes keys differ from those of other runs.
    run: String,
}

enum Kind {
    Get(Vec<Vec<u8>>),
    /// Request lines by room, header fields by user.
    Publish {
        lines: Vec<String>,
        fields: Vec<String>,
    },
}

impl Requests {
    /// Prepares what is asked for.
    ///
    /// # Errors
    /// When tokens cannot be signed.
    pub fn new(what: &What, to: SocketAddr) -> Result<Self> {
        let kind = match what {
            What::Get { path, spread } => Kind::Get(
                (0..(*spread).max(1))
                    .map(|n| {
                        let path = path.replace("{n}", &n.to_string());
                        format!("GET {path} HTTP/1.1\r\nhost: {to}\r\n\r\n").into_bytes()
                    })
                    .collect(),
            ),
            What::Publish {
                rooms,
                users,
                namespace,
                scope,
            } => Kind::Publish {
                lines: (0..(*rooms).max(1))
                    .map(|n| format!("POST /v1/rooms/{namespace}.room-{n}/messages HTTP/1.1\r\n"))
                    .collect(),
                fields: tokens(scope, (*users).max(1))?
                    .into_iter()
                    .map(|token| {
                        format!(
                            "host: {to}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
                        )
                    })
                    .collect(),
            },
        };
        Ok(Self {
            next: Cell::new(0),
            kind,
            run: format!("{:x}", now_us()),
        })
    }

    /// Puts the next request in the place of what is in `bytes`.
    pub fn next(&self, bytes: &mut Vec<u8>) {
        let n = self.next.replace(self.next.get() + 1);
        bytes.clear();
        match &self.kind {
            Kind::Get(requests) => bytes.extend_from_slice(&requests[turn(n, requests.len())]),
            Kind::Publish { lines, fields } => {
                let body = format!(
                    "{{\"kind\":\"chat\",\"data\":{{\"text\":\"{TEXT}\",\"n\":{}}}}}",
                    100_000 + n % 900_000
                );
                for part in [
                    lines[turn(n, lines.len())].as_str(),
                    fields[turn(n, fields.len())].as_str(),
                    &format!("idempotency-key: {}-{n}\r\n", self.run),
                    &format!("content-length: {}\r\n\r\n", body.len()),
                    &body,
                ] {
                    bytes.extend_from_slice(part.as_bytes());
                }
            }
        }
    }

    /// The status that a request is answered with.
    pub fn expected(&self) -> u16 {
        match self.kind {
            Kind::Get(_) => 200,
            Kind::Publish { .. } => 202,
        }
    }
}

fn turn(n: u64, of: usize) -> usize {
    usize::try_from(n % of as u64).unwrap_or(0)
}

/// Tokens of viewers, signed by the first of `auth_keys`.
fn tokens(scope: &str, users: u32) -> Result<Vec<String>> {
    let keys = KeySet::parse(&variable("AUTH_KEYS")?).context("SPIN_VARIABLE_AUTH_KEYS")?;
    let (iss, aud) = (variable("AUTH_ISSUER")?, variable("AUTH_AUDIENCE")?);
    let now_s = now_us() / 1_000_000;
    (0..users)
        .map(|user| {
            let claims = Claims {
                iss: iss.clone(),
                aud: aud.clone(),
                sub: format!("user-{user}"),
                iat: now_s,
                exp: now_s + LIFE_S,
                nbf: None,
                jti: Some(format!("bench-{user}")),
                scope: scope.to_owned(),
                rooms: None,
                follows: None,
                info: Some(serde_json::json!({"name": format!("User {user}"), "level": 7})),
            };
            Ok(token::sign(&keys, &claims)?)
        })
        .collect()
}
