//! What a region tells of itself beside its logs, copied each second: its nodes, and which regions there are.

use redis::{Pipeline, Value};
use tidegate_stream::Region;
use tidegate_stream::calls::MergeRegion;

use super::Shared;
use crate::connection::{Link, LinkError, flatten, function, good, strings, words};

/// Most nodes of a region that are copied, and most bytes of a node's line.
const MOST_NODES: usize = 1_000;
const MOST_LINE: usize = 4_096;

/// Copies.
pub async fn once(shared: &Shared, home: &Link, source: &Link) -> Result<(), LinkError> {
    let nodes_key = shared.keys.nodes(&shared.origin);
    let regions_key = shared.keys.regions();
    let asked = vec![
        words(["HGETALL", &nodes_key]),
        words(["HGETALL", &regions_key]),
    ];
    let mut answers = source.all(asked).await?.into_iter();
    let nodes = answers.next().unwrap_or_default();
    let regions = answers.next().unwrap_or_default();
    home.pipeline(&replace(&nodes_key, nodes))
        .await?
        .into_iter()
        .try_for_each(|answer| good(answer).map(|_| ()))?;
    merge_regions(shared, home, regions).await
}

/// The whole list in one step: nobody sees half of it.
fn replace(key: &str, nodes: Value) -> Pipeline {
    let nodes = strings(nodes);
    let lines: Vec<_> = nodes
        .chunks_exact(2)
        .filter(|pair| pair[0].len() + pair[1].len() <= MOST_LINE)
        .take(MOST_NODES)
        .collect();
    let mut pipeline = Pipeline::new();
    pipeline.add_command(words(["MULTI"]));
    pipeline.add_command(words(["DEL", key]));
    if !lines.is_empty() {
        let mut set = words(["HSET", key]);
        for pair in lines {
            set.arg(pair[0].as_slice()).arg(pair[1].as_slice());
        }
        pipeline.add_command(set);
    }
    pipeline.add_command(words(["EXEC"]));
    pipeline
}

async fn merge_regions(shared: &Shared, home: &Link, regions: Value) -> Result<(), LinkError> {
    let lines = strings(regions);
    for pair in lines.chunks_exact(2) {
        let name = std::str::from_utf8(&pair[0])
            .ok()
            .and_then(|name| name.parse::<Region>().ok());
        let (Some(name), Ok(line)) = (name, std::str::from_utf8(&pair[1])) else {
            continue;
        };
        let merge = MergeRegion { name: &name, line };
        let answer = flatten(home.one(function(&merge.call(&shared.keys))).await?);
        match MergeRegion::answer(&answer) {
            Ok(answer) if answer.changed => {
                tracing::info!(region = %name, state = answer.state, from = %shared.origin, "a region's line changed");
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, region = %name, "a region's line is passed over"),
        }
    }
    Ok(())
}
