//! `tg_read`: entries of a room after a cursor, and whether history reaches back to it.

use super::error::CallError;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};
use crate::entry::Entry;
use crate::id::StreamId;
use crate::keys::Keys;
use crate::name::{Region, RoomId};

/// Most entries of one origin in an answer.
pub const MOST_ENTRIES: u32 = 1_000;
/// Most bytes of an answer. Each origin gets one entry at least.
pub const MOST_BYTES: u32 = 4 * 1024 * 1024;

/// Where to read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Above this id.
    Id(StreamId),
    /// The newest entries, as many as the limit allows.
    Newest,
}

/// Whether everything above the position was still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was.
    Whole,
    /// Of the chat lane something is gone.
    ChatGap,
    /// Of `control` and `gift` something is gone: the reader must begin anew. There are no entries.
    Reset,
}

/// What one origin has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginPage {
    /// The origin.
    pub origin: Region,
    /// The last id of its log when this was read.
    pub last: StreamId,
    /// Whether history reaches back.
    pub verdict: Verdict,
    /// Whether limit or bytes cut it short: then read on after `reached`.
    pub more: bool,
    /// The id of the last entry that was answered, readable or not.
    pub reached: Option<StreamId>,
    /// Entries in order. Those that only a later version can read are left out.
    pub entries: Vec<Entry>,
}

/// A reading.
#[derive(Debug, Clone, Copy)]
pub struct Read<'a> {
    /// Which room.
    pub room: &'a RoomId,
    /// Most entries of each origin; [`MOST_ENTRIES`] at most.
    pub limit: u32,
    /// Most bytes of the answer; [`MOST_BYTES`] at most.
    pub bytes: u32,
    /// Origins, 1 to 16, and where to read on.
    pub positions: &'a [(Region, After)],
}

impl Read<'_> {
    /// What to send.
    pub fn call(&self, keys: &Keys) -> FunctionCall {
        let mut args = vec![
            arg(self.limit.clamp(1, MOST_ENTRIES)),
            arg(self.bytes.clamp(1, MOST_BYTES)),
        ];
        for (origin, after) in self.positions {
            args.push(arg(origin));
            args.push(match after {
                After::Id(id) => arg(id),
                After::Newest => arg("-"),
            });
        }
        FunctionCall::reading("tg_read", vec![keys.room(self.room)], args)
    }

    /// What came back, by origin, in the order asked.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`](super::Refusal::NoRoom), arguments out of bounds, or an answer that is not one.
    pub fn answer(&self, replies: &[Reply]) -> Result<Vec<OriginPage>, CallError> {
        let mut answer = Answer::begin(replies)?;
        let mut pages = Vec::with_capacity(self.positions.len());
        while !answer.is_over() {
            pages.push(page(&mut answer)?);
        }
        if pages.len() == self.positions.len() {
            Ok(pages)
        } else {
            Err(CallError::Malformed("origins"))
        }
    }
}

fn page(answer: &mut Answer<'_>) -> Result<OriginPage, CallError> {
    let origin = answer.parse("origin")?;
    let last = answer.parse("last")?;
    let verdict = match answer.bytes("verdict")? {
        b"whole" => Verdict::Whole,
        b"chat_gap" => Verdict::ChatGap,
        b"reset" => Verdict::Reset,
        _ => return Err(CallError::Malformed("verdict")),
    };
    let more = match answer.bytes("more")? {
        b"more" => true,
        b"end" => false,
        _ => return Err(CallError::Malformed("more")),
    };
    let mut page = OriginPage {
        origin,
        last,
        verdict,
        more,
        reached: None,
        entries: Vec::new(),
    };
    for _ in 0..answer.count("entries")? {
        let id = answer.parse("id")?;
        let strings = answer.count("strings")?;
        if !strings.is_multiple_of(2) {
            return Err(CallError::Malformed("strings"));
        }
        let mut fields = Vec::with_capacity(strings / 2);
        for _ in 0..strings / 2 {
            fields.push((answer.bytes("field")?, answer.bytes("value")?));
        }
        page.reached = Some(id);
        page.entries.extend(Entry::read(id, fields).ok());
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::reply::tests::words;

    const ENTRY: &str = "v 1 room demo kind chat lane chat sub a info - data {} at_ms 5 key - hash - trace - sp 0-0 rp 0-0";

    fn answer(text: &str, origins: &[&str]) -> Result<Vec<OriginPage>, CallError> {
        let positions: Vec<_> = origins
            .iter()
            .map(|origin| (origin.parse().unwrap(), After::Newest))
            .collect();
        Read {
            room: &"demo".parse().unwrap(),
            limit: 10,
            bytes: 1000,
            positions: &positions,
        }
        .answer(&words(text))
    }

    #[test]
    fn pages_are_read_by_origin() {
        let text = format!("eu 9-0 chat_gap more 1 8-0 26 {ENTRY} us 0-0 reset end 0");
        let pages = answer(&text, &["eu", "us"]).unwrap();
        assert_eq!(pages[0].verdict, Verdict::ChatGap);
        assert!(pages[0].more);
        assert_eq!(pages[0].entries[0].data, "{}");
        assert_eq!(pages[1].verdict, Verdict::Reset);
        assert_eq!(pages[1].reached, None);
    }

    #[test]
    fn an_entry_of_a_later_version_is_passed_over_and_counts_as_reached() {
        let later = ENTRY.replacen("v 1", "v 2", 1);
        let text = format!("eu 9-0 whole end 1 8-0 26 {later}");
        let page = answer(&text, &["eu"]).unwrap().remove(0);
        assert!(page.entries.is_empty());
        assert_eq!(page.reached, Some(StreamId { ms: 8, seq: 0 }));
    }

    #[test]
    fn what_is_cut_off_is_malformed() {
        let text = format!("eu 9-0 whole end 1 8-0 26 {ENTRY}");
        let all: Vec<_> = text.split(' ').collect();
        for length in 0..all.len() {
            let text = all[..length].join(" ");
            assert!(answer(&text, &["eu"]).is_err(), "{text}");
        }
        assert!(answer("eu 9-0 whole end 0", &["eu", "us"]).is_err());
        assert!(answer("eu 9-0 whole end 1 8-0 1 v", &["eu"]).is_err());
    }
}
