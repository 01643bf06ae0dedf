//! Whether a region can serve by itself.

/// What was seen of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Whether its Redis took a write in time; else what it said.
    pub redis: Result<(), String>,
    /// Fan-out nodes that are live.
    pub live_nodes: u32,
}

impl Seen {
    /// Ready: Redis takes writes, and somebody holds the sockets. Load, quota and other regions never count.
    pub fn is_ready(&self) -> bool {
        self.redis.is_ok() && self.live_nodes > 0
    }

    /// Why it is not ready; empty when it is.
    pub fn detail(&self) -> String {
        match (&self.redis, self.live_nodes) {
            (Err(error), _) => format!("Redis did not take a write: {error}"),
            (Ok(()), 0) => "no fan-out node of this region is live".to_owned(),
            (Ok(()), _) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_a_write_and_a_node() {
        let seen = |redis: Result<(), &str>, live_nodes| Seen {
            redis: redis.map_err(str::to_owned),
            live_nodes,
        };
        assert!(seen(Ok(()), 1).is_ready());
        assert!(!seen(Ok(()), 0).is_ready());
        assert!(seen(Ok(()), 0).detail().contains("fan-out"));
        assert!(!seen(Err("gone"), 3).is_ready());
        assert!(seen(Err("gone"), 3).detail().contains("gone"));
    }
}
