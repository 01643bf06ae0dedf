//! Publishing by a POST for each message.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use serde_json::json;
use sha2::Sha256;
use ureq::Agent;

use super::{Message, Publisher};
use crate::fanout::limits;

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(limits::PUBLISH))
        .build()
        .into()
}

fn post(agent: &Agent, url: &str, kind: &str, body: &str) -> Result<()> {
    let mut answer = agent
        .post(url)
        .header("content-type", kind)
        .send(body)
        .context("--publish: nobody answers")?;
    // Read to the end, or the connection is not used again.
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    ensure!(
        answer.status().is_success(),
        "a publish is answered with {}: {text}",
        answer.status()
    );
    Ok(())
}

/// The message itself is the body: Nchan, and a server with Centrifuge.
pub struct Plain {
    agent: Agent,
    url: String,
}

impl Plain {
    /// To this address.
    pub fn new(url: &str) -> Self {
        Self {
            agent: agent(),
            url: url.to_owned(),
        }
    }
}

impl Publisher for Plain {
    fn publish(&mut self, messages: &[Message]) -> Result<()> {
        messages
            .iter()
            .try_for_each(|(_, text)| post(&self.agent, &self.url, "text/plain", text))
    }
}

/// An event of Pusher's HTTP API: app `app-id`, key `app-key`, secret `app-secret`, channel `bench`.
pub struct Pusher {
    agent: Agent,
    base: String,
}

const PATH: &str = "/apps/app-id/events";

impl Pusher {
    /// To the server at `http://HOST:PORT`.
    pub fn new(url: &str) -> Result<Self> {
        let base = url.trim_end_matches('/').trim_end_matches(PATH);
        if base["http://".len()..].contains('/') {
            bail!("--publish: http://HOST:PORT is meant for sockudo");
        }
        Ok(Self {
            agent: agent(),
            base: base.to_owned(),
        })
    }
}

impl Publisher for Pusher {
    fn publish(&mut self, messages: &[Message]) -> Result<()> {
        for (_, text) in messages {
            let body = json!({"name": "message", "channel": "bench", "data": text}).to_string();
            let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
            let query = signed(&body, since.as_secs());
            let url = format!("{}{PATH}?{query}", self.base);
            post(&self.agent, &url, "application/json", &body)?;
        }
        Ok(())
    }
}

/// The query, with the signature of method, path and the rest of it.
fn signed(body: &str, now_s: u64) -> String {
    let hash = hex(&Md5::digest(body));
    let query = format!("auth_key=app-key&auth_timestamp={now_s}&auth_version=1.0&body_md5={hash}");
    let mut mac = Hmac::<Sha256>::new_from_slice(b"app-secret").expect("a key of any length");
    mac.update(format!("POST\n{PATH}\n{query}").as_bytes());
    let signature = hex(&mac.finalize().into_bytes());
    format!("{query}&auth_signature={signature}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_openssl() {
        // echo -n '{}' | md5sum; printf 'POST\n/apps/app-id/events\nauth_key=…' | openssl dgst -sha256 -hmac app-secret
        assert_eq!(
            signed("{}", 1_700_000_000),
            "auth_key=app-key&auth_timestamp=1700000000&auth_version=1.0\
             &body_md5=99914b932bd37a50b983c5e7c90ae93b\
             &auth_signature=1f445f97dcd39ad266a6aee816181e9b4fdd646035ca83f1702f628c48445d6e"
        );
    }

    #[test]
    fn a_path_of_ones_own_is_refused() {
        assert!(Pusher::new("http://127.0.0.1:6001/").is_ok());
        assert!(Pusher::new("http://127.0.0.1:6001/apps/app-id/events").is_ok());
        assert!(Pusher::new("http://127.0.0.1:6001/other").is_err());
    }
}
