//! The region's fan-out nodes, and whether there are any.

use std::cell::RefCell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tidegate_room::endpoint::Node;
use tidegate_room::ready::Seen;
use tidegate_stream::Region;
use tidegate_stream::calls::Reply;

use crate::bindings::exports::tidegate::rooms::rooms as wit;
use crate::region::Home;

/// How long an answer about readiness is given again: whoever asks in a loop costs Redis four writes a second.
const TRUSTED: Duration = Duration::from_millis(250);
/// How long `tg:ready` lies there after the last one asked.
const READY_MS: &str = "60000";

thread_local! {
    static ANSWERED: RefCell<Option<(Instant, wit::Readiness)>> = const { RefCell::new(None) };
}

/// The nodes of a region, as far as this Redis knows them.
pub(crate) async fn nodes(home: &Home, region: &Region) -> Result<Vec<Node>, wit::Refusal> {
    let key = home.keys.nodes(region);
    let replies = home.command("HGETALL", &[key.as_bytes()]).await?;
    let records = replies.iter().skip(1).step_by(2);
    Ok(records
        .filter_map(|reply| match reply {
            Reply::Bytes(record) => Node::read(record),
            _ => None,
        })
        .collect())
}

/// Whether the region can serve by itself.
pub(crate) async fn ready(at: wit::Place) -> wit::Readiness {
    let known = ANSWERED.with_borrow(|answered| {
        answered
            .as_ref()
            .filter(|(since, _)| since.elapsed() < TRUSTED)
            .map(|(_, readiness)| readiness.clone())
    });
    if let Some(readiness) = known {
        return readiness;
    }
    let seen = match look(at).await {
        Ok(live_nodes) => Seen {
            redis: Ok(()),
            live_nodes,
        },
        Err(refusal) => Seen {
            redis: Err(reason(refusal)),
            live_nodes: 0,
        },
    };
    let readiness = wit::Readiness {
        redis: seen.redis.is_ok(),
        live_nodes: seen.live_nodes,
        detail: seen.detail(),
    };
    ANSWERED.set(Some((Instant::now(), readiness.clone())));
    readiness
}

/// Writes to Redis, and counts live nodes.
async fn look(at: wit::Place) -> Result<u32, wit::Refusal> {
    let home = Home::find(at).await?;
    let now_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
    let key = home.keys.ready();
    let value = now_ms.to_string();
    let arguments = [key.as_bytes(), value.as_bytes(), b"PX", READY_MS.as_bytes()];
    home.command("SET", &arguments).await?;
    let live = nodes(&home, &home.region)
        .await?
        .iter()
        .filter(|node| node.is_live(now_ms))
        .count();
    Ok(u32::try_from(live).unwrap_or(u32::MAX))
}

/// What is said in public of why Redis took no write; addresses and credentials are not.
fn reason(refusal: wit::Refusal) -> String {
    match refusal {
        wit::Refusal::Full => "it is full".to_owned(),
        wit::Refusal::Library(text) | wit::Refusal::Layout(text) => text,
        wit::Refusal::Unreachable(_) => "it is out of reach".to_owned(),
        _ => "it refused".to_owned(),
    }
}
