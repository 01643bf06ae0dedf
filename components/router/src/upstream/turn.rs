//! Whose turn it is in a pool: an upstream is chosen, and let through by its breaker.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

use component_link::Again;
use tidegate_api::Settings;
use tidegate_stream::calls::Reply;
use tidegate_upstream::limits::POOLS;
use tidegate_upstream::{Balance, Load, LoadSource, Origin, Outcome, Permit, Pool, nodes};

use super::keys::keys;
use super::state;
use crate::alarm::now_ms;
use crate::log;

/// How often the load of an upstream is shared, in ms; nodes' loads are read as often.
const LOAD_MS: u64 = 1_000;

thread_local! {
    /// Where turns are. It begins anywhere, so that instances that serve one request each are spread too.
    static TURN: Cell<Option<u64>> = const { Cell::new(None) };
    static NODES: RefCell<HashMap<String, NodeLoads>> = RefCell::new(HashMap::new());
}

/// Loads of nodes, in the order of the pool that they are upstreams of.
struct NodeLoads {
    read: Instant,
    loads: Vec<Option<Load>>,
}

/// The right to ask one upstream.
pub(super) struct Turn {
    index: usize,
    origin: Origin,
    permit: Permit,
}

/// Chooses an upstream that may be asked; another than the one that was `tried`, if there is one.
pub(super) async fn take(settings: &Settings, pool: &Pool, tried: Option<usize>) -> Option<Turn> {
    let shared = state::read(settings, pool).await;
    let node_loads = match (pool.balance(), pool.loads) {
        (Balance::LeastLoaded, LoadSource::Nodes) => node_loads(settings, pool).await,
        _ => Vec::new(),
    };
    let load = |index: usize| match pool.loads {
        LoadSource::Header => shared.load(&pool.members()[index].origin, now_ms()),
        LoadSource::Nodes => node_loads.get(index)?.as_ref()?.fresh(now_ms()),
    };
    let (turn, random) = (
        next_turn(),
        wasi::random::insecure::get_insecure_random_u64(),
    );
    let mut shut = vec![false; pool.members().len()];
    loop {
        let may = |index: usize| {
            !shut[index] && shared.may(&pool.members()[index].origin, &pool.rules, now_ms())
        };
        let index = pool
            .choose(turn, random, load, |index| {
                may(index) && Some(index) != tried
            })
            .or_else(|| tried.filter(|&index| may(index)))?;
        let origin = &pool.members()[index].origin;
        let permit = state::change(settings, pool, |state| {
            state.admit(origin, &pool.rules, now_ms())
        })
        .await;
        match permit {
            Some(permit) => {
                return Some(Turn {
                    index,
                    origin: origin.clone(),
                    permit,
                });
            }
            // Another edge has made the last probe.
            None => shut[index] = true,
        }
    }
}

impl Turn {
    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Tells how it went, and what load the upstream has reported.
    pub(super) async fn give_back(
        self,
        settings: &Settings,
        pool: &Pool,
        outcome: Outcome,
        load: Option<&str>,
    ) {
        let now_ms = now_ms();
        let reported = (pool.balance() == Balance::LeastLoaded && pool.loads == LoadSource::Header)
            .then(|| load.and_then(|text| Load::from_header(text, now_ms)))
            .flatten();
        state::change(settings, pool, |state| {
            state.record(&self.origin, &pool.rules, self.permit, outcome, now_ms);
            if let Some(load) = reported {
                state.note(&self.origin, load, LOAD_MS);
            }
        })
        .await;
    }
}

fn next_turn() -> u64 {
    let turn = TURN
        .get()
        .unwrap_or_else(wasi::random::insecure::get_insecure_random_u64);
    TURN.set(Some(turn.wrapping_add(1)));
    turn
}

async fn node_loads(settings: &Settings, pool: &Pool) -> Vec<Option<Load>> {
    let known = NODES.with_borrow(|nodes| {
        nodes
            .get(pool.name())
            .filter(|known| {
                known.read.elapsed() < Duration::from_millis(LOAD_MS)
                    && known.loads.len() == pool.members().len()
            })
            .map(|known| known.loads.clone())
    });
    if let Some(loads) = known {
        return loads;
    }
    let key = keys(settings).nodes(&settings.region);
    let loads = match component_link::command(
        &settings.redis_url,
        "HGETALL",
        &[key.as_bytes()],
        Again::Harmless,
    )
    .await
    {
        Ok(replies) => {
            let records = replies
                .iter()
                .skip(1)
                .step_by(2)
                .filter_map(|reply| match reply {
                    Reply::Bytes(record) => Some(record.as_slice()),
                    _ => None,
                });
            nodes::loads(records, pool, now_ms())
        }
        Err(error) => {
            log::link("the loads of nodes could not be read", &error);
            vec![None; pool.members().len()]
        }
    };
    NODES.with_borrow_mut(|nodes| {
        if nodes.len() > 2 * POOLS {
            nodes.clear();
        }
        nodes.insert(
            pool.name().to_owned(),
            NodeLoads {
                read: Instant::now(),
                loads: loads.clone(),
            },
        );
    });
    loads
}
