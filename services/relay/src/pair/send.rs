//! Sending calls, pipelined.

use redis::{Cmd, Pipeline, Value};
use tidegate_relay::{Pair, Refused, Speed};
use tidegate_stream::Shard;
use tidegate_stream::calls::{Relay, RelayAnswer, RelayVerdict};

use super::Shared;
use super::session::settle;
use crate::connection::{LinkError, flatten, good};

/// Calls in one pipeline: a write of about 200 KiB as entries come.
const MOST_CALLS: usize = 16;

/// A pipeline, and whose calls it holds.
pub struct Batch {
    pub pipeline: Pipeline,
    pub shards: Vec<Shard>,
}

/// The next calls of a speed; none when there are none.
pub fn gather(shared: &Shared, pair: &mut Pair, speed: Speed) -> Option<Batch> {
    let mut pipeline = Pipeline::with_capacity(MOST_CALLS);
    let mut shards = Vec::new();
    while shards.len() < MOST_CALLS {
        let Some((shard, entries)) = pair.next_call(speed) else {
            break;
        };
        let relay = Relay {
            region: &shared.region,
            origin: &shared.origin,
            shard,
            fence: pair.fence(shard),
            entries: &entries,
        };
        let bytes: usize = entries.iter().map(|entry| entry.bytes()).sum();
        let mut command = Cmd::with_capacity(entries.len() * 32, bytes);
        relay.command(&shared.keys, &shared.bounds, |word| {
            command.arg(word);
        });
        pipeline.add_command(command);
        shards.push(shard);
    }
    shared.metrics.calls.add(shards.len() as u64);
    (!shards.is_empty()).then_some(Batch { pipeline, shards })
}

/// Counts what a call came to, and tells the pair.
///
/// # Errors
/// Those of [`settle`].
pub fn take(
    shared: &Shared,
    pair: &mut Pair,
    shard: Shard,
    answer: Value,
    now_ms: u64,
    random: u64,
) -> Result<(), LinkError> {
    let metrics = &shared.metrics;
    let answered =
        good(answer).and_then(|value| Relay::answer(&flatten(value)).map_err(LinkError::from));
    let read = settle(answered)?.map_err(|error| {
        metrics.refused.add(1);
        tracing::debug!(%error, %shard, origin = %shared.origin, "a call was refused");
        if let LinkError::Call(error) = error {
            tracing::error!(%error, %shard, origin = %shared.origin, "a call was not understood");
        }
        Refused::Failed
    });
    if let Ok(answer) = &read {
        count(shared, answer);
    }
    let effect = pair.answered(shard, read, now_ms, random);
    if let Some(at_ms) = effect.reached_at_ms {
        let lag_ms = shared.clock.machine_ms().saturating_sub(at_ms);
        metrics.lag.note(lag_ms, effect.appended);
    }
    Ok(())
}

fn count(shared: &Shared, answer: &RelayAnswer) {
    let metrics = &shared.metrics;
    metrics.entries.add(answer.appended);
    metrics.repeats.add(answer.repeats);
    metrics.rewound.add(answer.rewound);
    metrics.ahead.add(answer.ahead);
    metrics.unread.add(answer.unread);
    metrics.told.add(answer.told);
    metrics
        .holes
        .add(u64::from(answer.verdict == RelayVerdict::Hole));
    if answer.rewound > 0 {
        tracing::warn!(origin = %shared.origin, entries = answer.rewound, "the region had lost its tail; what it lost is kept here");
    }
    if answer.ahead > 0 {
        tracing::warn!(origin = %shared.origin, stamps = answer.ahead, "stamps more than a minute ahead: look at the region's clock");
    }
}
