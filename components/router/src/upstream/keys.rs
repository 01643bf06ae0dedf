//! The keys that lie beside rooms' and are in no shard.

use tidegate_api::Settings;
use tidegate_stream::{Keys, ShardCount};

/// Keys of this deployment; none of those that are asked for here depends on the number of shards.
pub(super) fn keys(settings: &Settings) -> Keys {
    Keys::new(settings.prefix.clone(), ShardCount::default())
}
