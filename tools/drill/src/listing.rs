//! What a region says of itself: its nodes in `tg:nodes:R`, `/readyz`, and what its relay counts.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use tidegate_stream::{Keys, Region, ShardCount};
use ureq::Agent;

use crate::outage::TakenBack;
use crate::script::Place;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(2);

/// A region that is asked.
pub struct Listing {
    place: Place,
    key: String,
    agent: Agent,
}

/// Until when each node is good, by its name.
type Lives = BTreeMap<String, u64>;

impl Listing {
    /// Of a region.
    ///
    /// # Errors
    /// When its name is none.
    pub fn new(place: &Place, prefix: &str) -> Result<Self> {
        let region: Region = place.name.parse()?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER))
            .build()
            .into();
        Ok(Self {
            place: place.clone(),
            key: Keys::new(prefix, ShardCount::default()).nodes(&region),
            agent,
        })
    }

    /// The list as it stands.
    ///
    /// # Errors
    /// When its Redis does not answer.
    pub fn lives(&self) -> Result<Lives> {
        let client = redis::Client::open(self.place.redis.as_str())?;
        let mut connection = client.get_connection_with_timeout(ANSWER)?;
        connection.set_read_timeout(Some(ANSWER))?;
        let lines: Vec<(String, String)> = redis::cmd("HGETALL")
            .arg(&self.key)
            .query(&mut connection)?;
        let until = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            line["until_ms"].as_u64()
        };
        lines
            .into_iter()
            .map(|(name, line)| Ok((name, until(&line).context("a node's line without an end")?)))
            .collect()
    }

    /// Whether every node has written itself anew since `before`, and nodes and edge say that they can serve.
    pub fn is_anew(&self, before: &Lives) -> bool {
        let listed = self.lives().is_ok_and(|now| are_later(before, &now));
        listed && self.place.ready.iter().all(|url| self.is_ready(url))
    }

    fn is_ready(&self, url: &str) -> bool {
        let answer = self.agent.get(url).call();
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    /// What its relay has counted so far, over all other regions.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn taken_back(&self) -> Result<TakenBack> {
        let url = format!("{}/metrics", self.place.relay);
        let text = (self.agent.get(&url).call())
            .and_then(|mut answer| answer.body_mut().read_to_string())
            .with_context(|| format!("{url} does not answer"))?;
        Ok(counted(&text))
    }
}

fn are_later(before: &Lives, now: &Lives) -> bool {
    !before.is_empty() && (before.iter()).all(|(name, until)| now.get(name) > Some(until))
}

/// Sums of a relay's metrics.
fn counted(text: &str) -> TakenBack {
    let sum = |name: &str| {
        let lines = text.lines().filter(|line| line.starts_with(name));
        let numbers = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
        numbers.sum()
    };
    TakenBack {
        back: sum("tidegate_relay_taken_back_total{"),
        left: sum("tidegate_relay_left_there_total{"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_listed_anew_when_each_has_a_later_end() {
        let lives = |list: &[(&str, u64)]| -> Lives {
            list.iter()
                .map(|(name, until)| ((*name).to_owned(), *until))
                .collect()
        };
        let before = lives(&[("n1", 5), ("n2", 6)]);
        assert!(are_later(&before, &lives(&[("n1", 6), ("n2", 7)])));
        assert!(!are_later(&before, &lives(&[("n1", 6), ("n2", 6)])));
        assert!(!are_later(&before, &lives(&[("n1", 6)])));
        assert!(!are_later(&lives(&[]), &before));
    }

    #[test]
    fn what_relays_count_is_summed_over_origins() {
        let text = "# TYPE tidegate_relay_taken_back_total counter\n\
                    tidegate_relay_taken_back_total{origin=\"west\"} 40\n\
                    tidegate_relay_taken_back_total{origin=\"north\"} 2\n\
                    tidegate_relay_left_there_total{origin=\"west\"} 7\n";
        assert_eq!(counted(text), TakenBack { back: 42, left: 7 });
    }
}
