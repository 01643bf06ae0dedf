//! Publishing through the edge.

use anyhow::Result;

use super::{Message, Publisher};
use crate::edge::Edge;
use crate::fanout::control::room_name;

/// See the module.
pub struct ByEdge {
    edge: Edge,
    prefix: String,
}

impl ByEdge {
    /// Creates the rooms.
    pub fn new(url: &str, prefix: &str, rooms: usize) -> Result<Self> {
        let edge = Edge::new(url)?;
        for room in 0..rooms {
            edge.create_room(&room_name(prefix, room))?;
        }
        Ok(Self {
            edge,
            prefix: prefix.to_owned(),
        })
    }
}

impl Publisher for ByEdge {
    fn publish(&mut self, messages: &[Message]) -> Result<()> {
        for (room, text) in messages {
            self.edge.publish(&room_name(&self.prefix, *room), text)?;
        }
        Ok(())
    }
}
