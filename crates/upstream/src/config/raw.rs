//! The configuration as it is written, before it is checked.

use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    #[serde(default)]
    pub(super) pools: Map<String, Value>,
    #[serde(default)]
    pub(super) routes: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPool {
    pub(super) upstreams: Vec<RawMember>,
    #[serde(default)]
    pub(super) balance: RawBalance,
    pub(super) load: Option<RawLoad>,
    pub(super) connect_ms: Option<u64>,
    pub(super) first_byte_ms: Option<u64>,
    pub(super) total_ms: Option<u64>,
    pub(super) breaker: Option<RawBreaker>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMember {
    pub(super) url: String,
    pub(super) weight: Option<u32>,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawBalance {
    #[default]
    RoundRobin,
    Weighted,
    LeastLoaded,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawLoad {
    Header,
    Nodes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBreaker {
    pub(super) window_ms: Option<u64>,
    pub(super) min_calls: Option<u32>,
    pub(super) open_ms: Option<u64>,
    pub(super) probes: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRoute {
    pub(super) path: String,
    pub(super) methods: Option<Vec<String>>,
    pub(super) pool: String,
    pub(super) to: Option<String>,
    #[serde(default)]
    pub(super) identity: RawIdentity,
    #[serde(default)]
    pub(super) forward_authorization: bool,
    pub(super) request_max_bytes: Option<usize>,
    pub(super) response_max_bytes: Option<usize>,
    #[serde(default)]
    pub(super) stale_s: u64,
    pub(super) default: Option<RawDefault>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawIdentity {
    #[default]
    None,
    Optional,
    Required,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDefault {
    #[serde(default = "ok")]
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: String,
}

fn ok() -> u16 {
    200
}
