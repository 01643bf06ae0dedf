//! What a crowd is told, line by line, and what it answers.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::account::Seen;
use super::hostile::Outcomes;
use super::tally::{Micros, Sockets};

/// The first line.
#[derive(Debug, Clone, Deserialize)]
pub struct Spec {
    /// The region's Redis, with the function library.
    pub redis: String,
    /// What keys in it begin with.
    pub prefix: String,
    /// The region's name.
    pub region: String,
    /// JWK Set that signs tickets.
    pub ticket_keys: String,
    /// Where viewers connect, by node.
    pub nodes: Vec<SocketAddr>,
    /// How many rooms, at most 10,000; viewers and messages are spread over them.
    pub rooms: u16,
    /// Bytes of a message's data.
    pub data_bytes: usize,
}

/// Who a viewer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Most.
    Crowd,
    /// Those who are measured.
    Measured,
    /// Those who are looked at beside them.
    Aside,
}

/// How a viewer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// At once.
    Reads,
    /// At once, and now and then not at all for up to so many ms.
    Slow(u64),
    /// Never, once it is subscribed.
    Never,
}

/// A later line. Each is answered by [`Answer::Done`] or what else is named.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Order {
    /// So many more viewers connect to a node; done when all are subscribed.
    Open {
        /// Whose they are.
        group: Group,
        /// How many.
        count: usize,
        /// Where; none: spread over all.
        node: Option<usize>,
        /// How they read.
        manner: Manner,
    },
    /// A group leaves.
    Close {
        /// Which.
        group: Group,
    },
    /// A group reads again, whatever was said before, until it has ended or has all.
    Wake {
        /// Which.
        group: Group,
    },
    /// Messages a second, over all rooms.
    Publish {
        /// How many; 0: none.
        per_second: u32,
    },
    /// Viewers of the crowd who leave in a second, each replaced by another.
    Churn {
        /// How many.
        per_second: f64,
    },
    /// Sockets a second that break the rules; 0: none.
    Hostile {
        /// How many.
        per_second: f64,
    },
    /// A node is about to stop, or is dead: nobody new goes there.
    Leaving {
        /// Which.
        node: usize,
    },
    /// It is there again.
    Back {
        /// Which.
        node: usize,
    },
    /// A node is about to be killed: once this is done it may be. [`Answer::Returned`] follows when all of its viewers read again.
    Lost {
        /// Which.
        node: usize,
    },
    /// Times are counted from now on.
    Measure {
        /// Of this group; none: of all who read at once.
        group: Option<Group>,
    },
    /// Answered by [`Answer::Figures`]; counting goes on.
    Figures,
    /// Nothing more is published; answered by [`Answer::Settled`] when everybody has all, or should have.
    Settle,
}

/// What is said.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Answer {
    /// What was asked for has been done.
    Done,
    /// How it stands.
    Figures(Box<Figures>),
    /// A lost node's viewers read again.
    Returned(Returned),
    /// The end.
    Settled(Box<Settled>),
}

/// How it stands.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Viewers who are subscribed, by node.
    pub subscribed: Vec<usize>,
    /// Viewers who are to be.
    pub viewers: usize,
    /// From publish to receive, since `measure`.
    pub latency: Option<Micros>,
    /// Messages published so far.
    pub published: u64,
    /// How deliveries compare so far.
    pub seen: Seen,
    /// What became of sockets so far.
    pub sockets: Sockets,
    /// What became of those who break the rules, so far.
    pub hostile: Outcomes,
}

/// A node's viewers, after it was lost.
#[derive(Debug, Serialize)]
pub struct Returned {
    /// How many it had.
    pub viewers: usize,
    /// How many of them read again.
    pub returned: usize,
    /// From the loss to the first frame of the room, for each.
    pub after: Option<Micros>,
}

/// The end.
#[derive(Debug, Serialize)]
pub struct Settled {
    /// Messages published, by class: chat, gifts, control.
    pub published: [u64; 3],
    /// Likes published.
    pub likes: u64,
    /// Viewers who in the end were not subscribed, or had not got the last message within a minute.
    pub incomplete: usize,
    /// Viewers whose count of likes was not the room's in the end.
    pub likes_wrong: usize,
    /// How deliveries compare.
    pub seen: Seen,
    /// What became of sockets.
    pub sockets: Sockets,
    /// What became of those who break the rules.
    pub hostile: Outcomes,
}
