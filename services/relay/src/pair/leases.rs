//! The leases of a pair's shards: asked for, prolonged, given back.

use std::time::Duration;

use redis::Pipeline;
use tidegate_relay::{Pair, limits};
use tidegate_stream::Shard;
use tidegate_stream::calls::{Lease, LeaseVerb, Leased};

use super::Shared;
use crate::connection::{Link, LinkError, flatten, function, good};

/// How long giving them back may take.
const LAST: Duration = Duration::from_secs(2);

/// Asks for leases, all in one go.
///
/// # Errors
/// No answer, or one that cannot be read.
pub(super) async fn ask(
    shared: &Shared,
    home: &Link,
    verbs: Vec<(Shard, LeaseVerb)>,
) -> Result<Vec<(Shard, Leased)>, LinkError> {
    let mut pipeline = Pipeline::with_capacity(verbs.len());
    for (shard, verb) in &verbs {
        let lease = Lease {
            origin: &shared.origin,
            shard: *shard,
            holder: &shared.name,
            verb: *verb,
            lasting_ms: limits::LEASE_MS,
        };
        pipeline.add_command(function(&lease.call(&shared.keys)));
    }
    let answers = home.pipeline(&pipeline).await?;
    let mut leased = Vec::with_capacity(verbs.len());
    for ((shard, _), answer) in verbs.into_iter().zip(answers) {
        leased.push((shard, Lease::answer(&flatten(good(answer)?))?));
    }
    Ok(leased)
}

/// Gives the leases back, so that another relay need not wait for them.
pub(super) async fn free(shared: &Shared, home: &Link, pair: &Pair) {
    let verbs: Vec<_> = pair
        .shards()
        .filter(|(_, relay)| relay.is_held())
        .map(|(shard, relay)| (shard, LeaseVerb::Free(relay.fence())))
        .collect();
    match tokio::time::timeout(LAST, ask(shared, home, verbs)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "leases lapse by themselves"),
        Err(_) => tracing::debug!("leases lapse by themselves"),
    }
}
