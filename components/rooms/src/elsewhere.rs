//! Where a viewer is sent: this region's nodes, and the other regions.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tidegate_room::endpoint::Crowd;
use tidegate_room::places::{self, Named, Place, RegionEntry};
use tidegate_stream::Region;
use tidegate_stream::calls::Reply;

use crate::bindings::exports::tidegate::rooms::rooms as wit;
use crate::nodes::nodes;
use crate::region::Home;

/// How long what is known of the other regions is given again: the relay copies it once a second.
const TRUSTED: Duration = Duration::from_secs(1);

/// What is known of all regions: what each says of itself, and the others' nodes.
#[derive(Clone)]
struct Known {
    listed: BTreeMap<Region, RegionEntry>,
    others: Vec<Place>,
}

thread_local! {
    static KNOWN: RefCell<Option<(Instant, Known)>> = const { RefCell::new(None) };
}

/// The sockets to try, in order: this region's, then the others'.
pub(crate) async fn endpoints(
    home: &Home,
    named: Vec<wit::Named>,
    crowd: Crowd<'_>,
    now_ms: u64,
) -> Result<Vec<wit::Endpoint>, wit::Refusal> {
    let named: Vec<Named> = named
        .into_iter()
        .filter_map(|named| {
            Some(Named {
                name: named.region.parse().ok()?,
                edge: String::new(),
                socket: named.socket,
            })
        })
        .collect();
    let known = known(home, &named).await?;
    let own = Place {
        region: home.region.clone(),
        edge: String::new(),
        socket: own_socket(home, &named, &known.listed),
        nodes: nodes(home, &home.region).await?,
    };
    let random = wasi::random::insecure::get_insecure_random_u64();
    let targets = places::targets(Some(&own), &known.others, now_ms, crowd, random);
    Ok(targets
        .into_iter()
        .map(|target| wit::Endpoint {
            region: target.region.to_string(),
            url: target.url,
        })
        .collect())
}

fn own_socket(home: &Home, named: &[Named], listed: &BTreeMap<Region, RegionEntry>) -> String {
    let said = listed.get(&home.region).map(|entry| entry.socket.clone());
    let configured = || {
        let own = named.iter().find(|named| named.name == home.region)?;
        Some(own.socket.clone())
    };
    said.filter(|url| !url.is_empty())
        .or_else(configured)
        .unwrap_or_default()
}

async fn known(home: &Home, named: &[Named]) -> Result<Known, wit::Refusal> {
    let kept = KNOWN.with_borrow(|known| {
        known
            .as_ref()
            .filter(|(since, _)| since.elapsed() < TRUSTED)
            .map(|(_, known)| known.clone())
    });
    if let Some(known) = kept {
        return Ok(known);
    }
    let replies = home
        .command("HGETALL", &[home.keys.regions().as_bytes()])
        .await?;
    let listed: BTreeMap<Region, RegionEntry> = replies
        .chunks_exact(2)
        .filter_map(|pair| match pair {
            [Reply::Bytes(name), Reply::Bytes(entry)] => Some((
                std::str::from_utf8(name).ok()?.parse().ok()?,
                RegionEntry::read(entry),
            )),
            _ => None,
        })
        .collect();
    let mut others = places::others(&home.region, named, &listed);
    for place in &mut others {
        place.nodes = nodes(home, &place.region).await?;
    }
    let known = Known { listed, others };
    KNOWN.set(Some((Instant::now(), known.clone())));
    Ok(known)
}
