//! The component that counts: all rate limits of a request in one round trip to Redis, on Redis' clock.

mod bindings {
    #![allow(missing_docs)]
    #![allow(unsafe_code, reason = "the glue between wasm and Rust is generated")]
    spin_sdk::wit_bindgen::generate!({
        path: ["../../wit/deps/spin-redis@3.0.0", "../../wit/limits"],
        world: "tidegate:limits/provider",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        with: { "spin:redis/redis@3.0.0": spin_sdk::redis::wit::redis },
        generate_all,
    });
    export!(Limits with_types_in self);
    use super::Limits;
}

mod convert;

use bindings::exports::tidegate::limits::limits::{Fault, Guest, Policy, Verdict};
use component_link::{Again, LinkError};
use tidegate_stream::calls::Limit;

struct Limits;

impl Guest for Limits {
    async fn check(
        redis_url: String,
        prefix: String,
        policies: Vec<Policy>,
    ) -> Result<Verdict, Fault> {
        let lines = convert::lines(prefix, &policies).map_err(Fault::BadPolicy)?;
        if lines.is_empty() {
            return Ok(Verdict {
                allowed: true,
                standings: Vec::new(),
                retry_after_ms: 0,
            });
        }
        let limit = Limit { policies: &lines };
        // Sent again over a new connection, a call may be counted twice, which costs a caller less than a 503.
        let replies = component_link::call_unbounded(&redis_url, &limit.call(), Again::Harmless)
            .await
            .map_err(fault)?;
        let answer = limit
            .answer(&replies)
            .map_err(|error| Fault::BadPolicy(error.to_string()))?;
        Ok(convert::verdict(&policies, answer))
    }
}

fn fault(error: LinkError) -> Fault {
    match error {
        LinkError::Library(text) => Fault::Library(text),
        LinkError::Full => Fault::Full,
        other => Fault::Unreachable(other.to_string()),
    }
}
