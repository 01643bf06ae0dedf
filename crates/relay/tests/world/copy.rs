//! A log and its copy, by the rules of `tg_relay` and `tg_gap`.

use tidegate_stream::StreamId;
use tidegate_stream::calls::{RelayAnswer, RelayEntry, RelayVerdict};

pub fn id(ms: u64) -> StreamId {
    StreamId { ms, seq: 0 }
}

pub fn entry(ms: u64, previous: StreamId) -> RelayEntry {
    let fields = [
        "v",
        "1",
        "at_ms",
        &ms.to_string(),
        "sp",
        &previous.to_string(),
    ]
    .map(|part| part.as_bytes().to_vec());
    RelayEntry::new(id(ms), fields.to_vec()).unwrap()
}

/// Ids with their predecessors, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Log(pub Vec<(StreamId, StreamId)>);

impl Log {
    pub fn last(&self) -> StreamId {
        self.0.last().map_or(StreamId::ZERO, |(id, _)| *id)
    }

    pub fn append(&mut self, ms: u64) {
        self.0.push((id(ms), self.last()));
    }

    pub fn above(&self, after: StreamId, count: usize) -> Vec<RelayEntry> {
        let above = self.0.iter().filter(|(id, _)| *id > after);
        above
            .take(count)
            .map(|(id, previous)| entry(id.ms, *previous))
            .collect()
    }
}

/// A copy, and what was said to be missing: from, up to.
#[derive(Debug, Default)]
pub struct Copy {
    pub log: Log,
    pub gaps: Vec<(StreamId, StreamId)>,
    pub fence: u64,
}

impl Copy {
    pub fn relay(&mut self, fence: u64, entries: &[RelayEntry]) -> RelayAnswer {
        let mut answer = RelayAnswer {
            verdict: RelayVerdict::Taken,
            last: self.log.last(),
            appended: 0,
            repeats: 0,
            rewound: 0,
            ahead: 0,
            unread: 0,
            told: 0,
        };
        if fence > 0 && fence < self.fence {
            answer.verdict = RelayVerdict::Fenced;
            return answer;
        }
        for entry in entries {
            let previous = entry.previous().unwrap();
            if entry.id() <= answer.last {
                answer.repeats += 1;
            } else if previous > answer.last {
                answer.verdict = RelayVerdict::Hole;
                break;
            } else {
                answer.rewound += u64::from(previous < answer.last);
                answer.appended += 1;
                answer.last = entry.id();
                self.log.0.push((entry.id(), previous));
            }
        }
        answer
    }

    pub fn gap(&mut self, fence: u64, last: StreamId, upto: StreamId) -> (RelayVerdict, StreamId) {
        if fence > 0 && fence < self.fence {
            return (RelayVerdict::Fenced, self.log.last());
        }
        if last != self.log.last() || upto <= last {
            return (RelayVerdict::Hole, self.log.last());
        }
        self.gaps.push((last, upto));
        self.log.0.push((upto, last));
        (RelayVerdict::Taken, upto)
    }
}
