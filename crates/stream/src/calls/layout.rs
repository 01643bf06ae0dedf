//! `tg_layout`: the layout of a Redis, written in one step by whoever comes first.

use super::reply::Reply;
use super::{FunctionCall, arg};
use crate::keys::Keys;
use crate::layout::{self, LayoutError};
use crate::shard::{LAYOUT_VERSION, ShardCount};

/// Writes the layout unless it is there; completes one that lacks a field.
#[derive(Debug, Clone, Copy)]
pub struct SetLayout {
    /// How many shards a Redis gets that has none yet.
    pub shards: ShardCount,
}

impl SetLayout {
    /// What to send.
    pub fn call(self, keys: &Keys) -> FunctionCall {
        let args = vec![arg(LAYOUT_VERSION), arg(self.shards.get())];
        FunctionCall::writing("tg_layout", vec![keys.layout()], args)
    }

    /// What came back: the layout that holds, which may be another's who came first.
    ///
    /// # Errors
    /// A layout that this program does not work with.
    pub fn answer(replies: &[Reply]) -> Result<ShardCount, LayoutError> {
        layout::written(replies)
    }
}
