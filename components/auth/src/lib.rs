//! The component that knows the keys: it verifies tokens and signs tickets. The only one that inherits variables.

mod bindings {
    #![allow(missing_docs)]
    #![allow(unsafe_code, reason = "the glue between wasm and Rust is generated")]
    spin_sdk::wit_bindgen::generate!({
        path: ["../../wit/deps/spin-variables@3.0.0", "../../wit/auth"],
        world: "tidegate:auth/provider",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        with: { "spin:variables/variables@3.0.0": spin_sdk::variables::wit::variables },
        generate_all,
    });
    export!(Auth with_types_in self);
    use super::Auth;
}

mod configuration;
mod convert;

use std::time::{SystemTime, UNIX_EPOCH};

use bindings::exports::tidegate::auth::auth::{Grant, Guest, Identity, Refusal};
use configuration::Judging;
use tidegate_auth::KeySet;
use tidegate_auth::token::{self, Expected};

struct Auth;

impl Guest for Auth {
    async fn identify(token: String, fetched: Vec<String>) -> Result<Identity, Refusal> {
        verify(&Judging::current().await?, &token, fetched)
    }

    fn identify_at_once(token: String, fetched: Vec<String>) -> Option<Result<Identity, Refusal>> {
        Some(verify(&Judging::kept()?, &token, fetched))
    }

    async fn ticket(grant: Grant) -> Result<String, Refusal> {
        let keys = configuration::ticket_keys().await?;
        Ok(keys.sign(&convert::grant(grant)?))
    }
}

fn verify(judging: &Judging, token: &str, fetched: Vec<String>) -> Result<Identity, Refusal> {
    let fetched = configuration::fetched(fetched);
    let expected = Expected {
        issuer: &judging.issuer,
        audience: &judging.audience,
    };
    // The configured keys come first: no address can take the place of one of them.
    let sets: Vec<&KeySet> = std::iter::once(&judging.keys)
        .chain(&fetched)
        .map(|set| &**set)
        .collect();
    token::verify(token, &sets, &expected, now_ms())
        .map(convert::identity)
        .map_err(convert::refusal)
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
