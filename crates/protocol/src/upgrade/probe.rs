//! What balancers, name servers and monitors ask of a node, and what they are answered.

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Whether the process runs.
    Alive,
    /// Whether newcomers may be sent here.
    Ready,
}

impl Question {
    /// What is asked at this path, if anything.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/healthz" => Some(Self::Alive),
            "/readyz" => Some(Self::Ready),
            _ => None,
        }
    }
}

/// Whether newcomers may be sent to a node. Both listeners answer with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// They may.
    Ready,
    /// It has just started.
    Starting,
    /// It is about to stop, and still serves who comes all the same.
    Draining,
    /// Its Redis does not serve.
    RedisAway,
    /// Another node has its name, and viewers are sent there.
    NameTaken,
}

/// A node that Redis has not served for so long is not ready, ms: three of the writes that are due each second.
const FRESH_MS: u64 = 3_000;

impl Readiness {
    /// How ready a node is at `now_ms`. `served_ms`: when Redis last took a write, on the same clock; none: not yet.
    pub fn judge(now_ms: u64, served_ms: Option<u64>, draining: bool, name_taken: bool) -> Self {
        match served_ms {
            // Who is about to stop says so whatever else is the matter: that does not pass.
            _ if draining => Self::Draining,
            _ if name_taken => Self::NameTaken,
            None => Self::Starting,
            Some(served_ms) if now_ms.saturating_sub(served_ms) > FRESH_MS => Self::RedisAway,
            Some(_) => Self::Ready,
        }
    }

    /// The HTTP status: 200 or 503.
    pub const fn status(self) -> u16 {
        match self {
            Self::Ready => 200,
            Self::Starting | Self::Draining | Self::RedisAway | Self::NameTaken => 503,
        }
    }

    /// The body, one line.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Ready => "ready\n",
            Self::Starting => "starting\n",
            Self::Draining => "draining\n",
            Self::RedisAway => "Redis is away\n",
            Self::NameTaken => "another node has this node's name\n",
        }
    }
}

/// A probe. Answered by [`Probe::answer`]; the connection is closed after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    pub(super) question: Question,
    /// `HEAD`: the body is left out.
    pub(super) head_only: bool,
}

/// The body of `/healthz`: whoever can say it runs.
pub const ALIVE: &str = "alive\n";

impl Probe {
    /// Appends the whole answer.
    pub fn answer(self, readiness: Readiness, out: &mut Vec<u8>) {
        let (status, body) = match self.question {
            Question::Alive => (200, ALIVE),
            Question::Ready => (readiness.status(), readiness.text()),
        };
        let phrase = if status == 200 {
            "OK"
        } else {
            "Service Unavailable"
        };
        let head = format!(
            "HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
             connection: close\r\n\r\n",
            body.len()
        );
        out.extend_from_slice(head.as_bytes());
        if !self.head_only {
            out.extend_from_slice(body.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_while_redis_serves_it_and_it_does_not_drain() {
        let judge = Readiness::judge;
        assert_eq!(judge(9_000, None, false, false), Readiness::Starting);
        assert_eq!(judge(9_000, Some(6_000), false, false), Readiness::Ready);
        assert_eq!(judge(9_000, Some(9_500), false, false), Readiness::Ready);
        assert_eq!(
            judge(9_000, Some(5_999), false, false),
            Readiness::RedisAway
        );
        for served_ms in [None, Some(9_000), Some(0)] {
            assert_eq!(judge(9_000, served_ms, true, true), Readiness::Draining);
            assert_eq!(judge(9_000, served_ms, false, true), Readiness::NameTaken);
        }
    }
}
