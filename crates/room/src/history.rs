//! A page of history, out of what each origin has.

use tidegate_stream::calls::{After, OriginPage, OriginPosition, Verdict};
use tidegate_stream::{Cursor, Entry, MessageId, Region};

/// Most bytes of entries that one page reads from Redis.
pub const PAGE_BYTES: u32 = 1024 * 1024;

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOf {
    /// Entries by (ms, seq, region), which within an origin is the order in which they were appended.
    pub entries: Vec<(MessageId, Entry)>,
    /// Where to read on.
    pub cursor: Cursor,
    /// Whether chat above the cursor that was given is gone.
    pub left_out: bool,
}

/// Something that may not be missed is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("history does not reach back to the cursor")]
pub struct Gone;

/// Where to read each origin from.
pub fn positions(origins: &[OriginPosition], after: Option<&Cursor>) -> Vec<(Region, After)> {
    origins
        .iter()
        .map(|position| {
            let from = match after {
                Some(cursor) => After::Id(cursor.get(&position.origin)),
                None => After::Newest,
            };
            (position.origin.clone(), from)
        })
        .collect()
}

/// Joins the origins' pages. With `after`, the oldest `limit` above it, and a cursor that holds for each origin its last
/// entry here, or what `after` said. Without, the newest `limit`, and where the logs stood at the reading.
///
/// # Errors
/// [`Gone`].
pub fn join(pages: Vec<OriginPage>, after: Option<&Cursor>, limit: usize) -> Result<PageOf, Gone> {
    if after.is_some() && pages.iter().any(|page| page.verdict == Verdict::Reset) {
        return Err(Gone);
    }
    let mut cursor = after.cloned().unwrap_or_default();
    let mut entries: Vec<(MessageId, Entry)> = Vec::new();
    let mut reached = Vec::new();
    let mut left_out = false;
    for page in pages {
        left_out |= after.is_some() && page.verdict == Verdict::ChatGap;
        if after.is_none() {
            cursor.set(page.origin.clone(), page.last);
        } else if let Some(id) = page.reached {
            reached.push((page.origin.clone(), id));
        }
        entries.extend(page.entries.into_iter().map(|entry| {
            let id = MessageId {
                origin: page.origin.clone(),
                id: entry.id,
            };
            (id, entry)
        }));
    }
    entries.sort_by(|(a, _), (b, _)| (a.id, &a.origin).cmp(&(b.id, &b.origin)));
    if after.is_none() {
        entries.drain(..entries.len().saturating_sub(limit));
        return Ok(PageOf {
            entries,
            cursor,
            left_out,
        });
    }
    let cut = entries.split_off(entries.len().min(limit));
    for (origin, id) in reached {
        // What only a later version can read is passed over where it lies before everything that was cut off.
        let next = cut.iter().find(|(id, _)| id.origin == origin);
        let last = entries.iter().rfind(|(id, _)| id.origin == origin);
        match (next, last) {
            (None, _) => cursor.set(origin, id),
            (Some(_), Some((last, _))) => cursor.set(origin, last.id),
            (Some(_), None) => {}
        }
    }
    Ok(PageOf {
        entries,
        cursor,
        left_out,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tidegate_stream::{Kind, StreamId};

    fn entry(ms: u64) -> Entry {
        Entry {
            id: StreamId { ms, seq: 0 },
            room: None,
            kind: Kind::Chat,
            sub: "alice".into(),
            info: String::new(),
            data: "{}".into(),
            at_ms: ms,
            key: String::new(),
            shard_previous: StreamId::ZERO,
            room_previous: StreamId::ZERO,
            hidden: false,
        }
    }

    fn page(origin: &str, ids: &[u64], verdict: Verdict) -> OriginPage {
        OriginPage {
            origin: origin.parse().unwrap(),
            last: StreamId { ms: 900, seq: 0 },
            verdict,
            more: false,
            reached: ids.last().map(|&ms| StreamId { ms, seq: 0 }),
            entries: ids.iter().map(|&ms| entry(ms)).collect(),
        }
    }

    fn cursor(pairs: &[(&str, u64)]) -> Cursor {
        pairs
            .iter()
            .map(|&(origin, ms)| (origin.parse().unwrap(), StreamId { ms, seq: 0 }))
            .collect()
    }

    fn ids(page: &PageOf) -> Vec<String> {
        page.entries.iter().map(|(id, _)| id.to_string()).collect()
    }

    #[test]
    fn origins_are_merged_by_time_then_region() {
        let pages = vec![
            page("us", &[2, 5, 7], Verdict::Whole),
            page("eu", &[1, 5], Verdict::Whole),
        ];
        let after = cursor(&[("us", 1), ("ap", 3)]);
        let whole = join(pages.clone(), Some(&after), 9).unwrap();
        assert_eq!(
            ids(&whole),
            ["eu-1-0", "us-2-0", "eu-5-0", "us-5-0", "us-7-0"]
        );
        assert_eq!(whole.cursor, cursor(&[("us", 7), ("eu", 5), ("ap", 3)]));
        let cut = join(pages.clone(), Some(&after), 1).unwrap();
        assert_eq!(cut.cursor, cursor(&[("us", 1), ("eu", 1), ("ap", 3)]));
        let newest = join(pages, None, 2).unwrap();
        assert_eq!(ids(&newest), ["us-5-0", "us-7-0"]);
        assert_eq!(newest.cursor, cursor(&[("us", 900), ("eu", 900)]));
    }

    #[test]
    fn a_gap_is_told_and_a_loss_refused() {
        let after = Cursor::default();
        let gap = vec![page("eu", &[1], Verdict::ChatGap)];
        assert!(join(gap.clone(), Some(&after), 9).unwrap().left_out);
        assert!(!join(gap, None, 9).unwrap().left_out);
        let gone = vec![page("eu", &[], Verdict::Reset)];
        assert_eq!(join(gone, Some(&after), 9), Err(Gone));
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let mut later = page("eu", &[1], Verdict::Whole);
        later.reached = Some(StreamId { ms: 2, seq: 0 });
        let read = join(vec![later], Some(&Cursor::default()), 9).unwrap();
        assert_eq!(read.cursor, cursor(&[("eu", 2)]));
    }

    proptest! {
        #[test]
        fn page_by_page_every_entry_comes_once_and_in_order(
            one in proptest::collection::btree_set(1u64..60, 0..25),
            two in proptest::collection::btree_set(1u64..60, 0..25),
            limit in 1usize..8,
        ) {
            let above = |origin: &str, all: &std::collections::BTreeSet<u64>, cursor: &Cursor| {
                let from = cursor.get(&origin.parse().unwrap()).ms;
                let ids: Vec<u64> = all.iter().copied().filter(|&id| id > from).take(limit).collect();
                page(origin, &ids, Verdict::Whole)
            };
            let mut cursor = Cursor::default();
            let mut seen = Vec::new();
            loop {
                let pages = vec![above("eu", &one, &cursor), above("us", &two, &cursor)];
                let read = join(pages, Some(&cursor), limit).unwrap();
                if read.entries.is_empty() {
                    break;
                }
                prop_assert!(read.entries.len() <= limit);
                seen.extend(ids(&read));
                cursor = read.cursor;
            }
            let mut expected: Vec<(u64, &str)> = one.iter().map(|&id| (id, "eu")).collect();
            expected.extend(two.iter().map(|&id| (id, "us")));
            expected.sort();
            let expected: Vec<String> = expected.iter().map(|(id, origin)| format!("{origin}-{id}-0")).collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
