//! What every request needs: settings, keys, rules, Redis.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use tidegate_api::Settings;
use tidegate_api::settings::NAMES;
use tidegate_auth::KeySet;
use tidegate_moderation::Namespaces;
use tidegate_route::Calls;
use tidegate_stream::calls::Bounds;
use tidegate_stream::shard::DEFAULT_SHARDS;
use tidegate_stream::{Keys, ShardCount};

use crate::redis::Redis;

/// One edge's worth of configuration.
pub struct Peer {
    pub settings: Settings,
    pub calls: Calls,
    pub token_keys: KeySet,
    pub issuer: String,
    pub audience: String,
    pub rules: Namespaces,
    pub redis: Redis,
    pub keys: Keys,
    pub bounds: Bounds,
}

/// The namespace whose rules are read: that of the bench's rooms.
const NAMESPACE: &str = "bench";

impl Peer {
    /// Reads the variables, and the rules that lie in Redis now.
    pub async fn from_environment() -> Result<Self> {
        let mut values = BTreeMap::new();
        for name in NAMES {
            values.insert(name, variable(name)?);
        }
        let settings = Settings::read(&values)?;
        let redis = Redis::open(&settings.redis_url).await?;
        let shards = ShardCount::new(DEFAULT_SHARDS).context("the default number of shards")?;
        let keys = Keys::new(settings.prefix.clone(), shards);
        let mut rules = Namespaces::new();
        if let Some((version, body)) = redis.versioned(&keys.rules(NAMESPACE)).await? {
            rules.configure(NAMESPACE, &version, &body)?;
        }
        let kept = settings.kept;
        Ok(Self {
            bounds: Bounds::new(
                kept.chat_max,
                kept.keep_max,
                kept.log_max,
                kept.retention_ms,
            )?,
            token_keys: KeySet::parse(&variable("auth_keys")?)?,
            issuer: variable("auth_issuer")?,
            audience: variable("auth_audience")?,
            calls: Calls::default(),
            settings,
            rules,
            redis,
            keys,
        })
    }
}

fn variable(name: &str) -> Result<String> {
    let name = format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase());
    std::env::var(&name).with_context(|| format!("{name} is not set"))
}
