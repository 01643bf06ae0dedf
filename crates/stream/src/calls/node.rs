//! `tg_node`: a node's line among those of its region.

use super::error::CallError;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};
use crate::keys::Keys;
use crate::name::{NodeName, Region};

/// How long a line holds that is not written again, ms. Nodes write theirs each second.
pub const NODE_LIVES_MS: u64 = 10_000;
/// A node that has not written its line for so long may be replaced by one of its name, ms: three lines that did not come.
pub const NODE_SILENT_MS: u64 = 3_000;

/// Writes a node's line, or takes it away, unless it is a living node of the same name whose line lies there.
#[derive(Debug, Clone, Copy)]
pub struct NodeLine<'a> {
    /// In which region.
    pub region: &'a Region,
    /// Whose.
    pub name: &'a NodeName,
    /// What tells this process from another of that name; also `run` of the line.
    pub run: &'a str,
    /// A JSON object with `run` and `until_ms`, at most 4 KiB; none takes the line away.
    pub line: Option<&'a str>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// It is as it was asked for.
    Done,
    /// Another process of that name lives, and its line stays.
    Taken {
        /// Until when its line holds, ms of Redis' clock. It grows while that process lives.
        until_ms: u64,
        /// Where viewers reach it.
        url: String,
    },
}

impl NodeLine<'_> {
    /// What to send.
    pub fn call(&self, keys: &Keys) -> FunctionCall {
        let args = vec![
            arg(self.name),
            arg(self.run),
            arg(self.line.unwrap_or_default()),
            arg(NODE_LIVES_MS - NODE_SILENT_MS),
        ];
        FunctionCall::writing("tg_node", vec![keys.nodes(self.region)], args)
    }

    /// What came back.
    ///
    /// # Errors
    /// An answer that is not one.
    pub fn answer(replies: &[Reply]) -> Result<Listed, CallError> {
        let mut answer = Answer::begin(replies)?;
        match answer.text("listed")? {
            "done" => Ok(Listed::Done),
            "taken" => Ok(Listed::Taken {
                until_ms: answer.number("until")?,
                url: answer.text("url")?.to_owned(),
            }),
            _ => Err(CallError::Malformed("listed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reply::tests::words;
    use super::*;

    #[test]
    fn answers_are_read() {
        assert_eq!(NodeLine::answer(&words("done")), Ok(Listed::Done));
        let taken = Listed::Taken {
            until_ms: 17,
            url: "ws://a:1".to_owned(),
        };
        assert_eq!(NodeLine::answer(&words("taken 17 ws://a:1")), Ok(taken));
        assert!(NodeLine::answer(&words("taken 17")).is_err());
        assert!(NodeLine::answer(&words("gone")).is_err());
    }
}
