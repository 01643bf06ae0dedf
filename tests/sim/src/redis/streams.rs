//! Commands on streams.

use std::rc::Rc;

use tidegate_stream::StreamId;

use super::command::{Outcome, is, number, syntax, wrong_type};
use super::reply::Answer;
use super::store::{Added, Fail, Store};
use super::stream::{Fields, Stream, Trim};
use super::value::Value;

const MOST: StreamId = StreamId {
    ms: u64::MAX,
    seq: u64::MAX,
};

pub(super) fn run(store: &mut Store, name: &str, args: &[Vec<u8>]) -> Outcome {
    match name {
        "XADD" => add(store, args),
        "XLEN" => Ok(read(store, &args[0])?.map_or(0, Stream::len).into()),
        "XRANGE" | "XREVRANGE" => range(store, name == "XREVRANGE", args),
        "XREAD" => read_on(store, args),
        "XTRIM" => {
            let (trim, exact, _) = trim(&args[1..])?;
            let blocks = store.block_entries;
            match read(store, &args[0])? {
                None => Ok(Answer::Int(0)),
                Some(_) => Ok(change(store, &args[0])?.trim(trim, exact, blocks).into()),
            }
        }
        other => unreachable!("{other} is in the list of commands"),
    }
}

fn read<'a>(store: &'a mut Store, key: &[u8]) -> Result<Option<&'a Stream>, Fail> {
    match store.get(key) {
        None => Ok(None),
        Some(Value::Stream(stream)) => Ok(Some(stream)),
        Some(_) => Err(wrong_type()),
    }
}

fn change<'a>(store: &'a mut Store, key: &[u8]) -> Result<&'a mut Stream, Fail> {
    match store.change(key, || Value::Stream(Stream::default())) {
        Value::Stream(stream) => Ok(stream),
        _ => Err(wrong_type()),
    }
}

/// An id, whose sequence number may be missing.
fn id(word: &[u8], seq: u64) -> Result<StreamId, Fail> {
    let bad = || Fail("ERR Invalid stream ID specified as stream command argument".into());
    let text = std::str::from_utf8(word).map_err(|_| bad())?;
    let (ms, seq) = match text.split_once('-') {
        Some((ms, seq)) => (ms, seq.parse().map_err(|_| bad())?),
        None => (text, seq),
    };
    let ms = ms.parse().map_err(|_| bad())?;
    Ok(StreamId { ms, seq })
}

/// `MAXLEN` or `MINID` with its bound; whether it is exact; how many words that were.
fn trim(words: &[Vec<u8>]) -> Result<(Trim, bool, usize), Fail> {
    let by_length = is(&words[0], "MAXLEN");
    if !by_length && !is(&words[0], "MINID") {
        return Err(syntax());
    }
    let mut at = 1;
    let exact = match words.get(at).map(Vec::as_slice) {
        Some(b"~") => {
            at += 1;
            false
        }
        Some(b"=") => {
            at += 1;
            true
        }
        _ => true,
    };
    let bound = words.get(at).ok_or_else(syntax)?;
    let trim = if by_length {
        Trim::MaxLen(number(bound)?)
    } else {
        Trim::MinId(id(bound, 0)?)
    };
    Ok((trim, exact, at + 1))
}

fn add(store: &mut Store, args: &[Vec<u8>]) -> Outcome {
    let key = &args[0];
    let mut at = 1;
    let mut trimmed = None;
    if is(&args[at], "MAXLEN") || is(&args[at], "MINID") {
        let (how, exact, words) = trim(&args[at..])?;
        trimmed = Some((how, exact));
        at += words;
    }
    let given = args.get(at).ok_or_else(syntax)?;
    let new = id(given, 0)?;
    let fields: Fields = Rc::new(args[at + 1..].to_vec());
    if fields.is_empty() || !fields.len().is_multiple_of(2) {
        return Err(Fail(
            "ERR wrong number of arguments for 'xadd' command".into(),
        ));
    }
    if new == StreamId::ZERO {
        return Err(Fail(
            "ERR The ID specified in XADD must be greater than 0-0".into(),
        ));
    }
    if read(store, key)?.is_some_and(|stream| new <= stream.last()) {
        return Err(Fail(
            "ERR The ID specified in XADD is equal or smaller than the target stream top item"
                .into(),
        ));
    }
    let blocks = store.block_entries;
    let stream = change(store, key)?;
    stream.push(new, fields.clone(), blocks);
    if let Some((how, exact)) = trimmed {
        stream.trim(how, exact, blocks);
    }
    store.note_added(Added {
        key: key.clone(),
        id: new,
        fields,
    });
    Ok(Answer::Bytes(new.to_string().into_bytes()))
}

fn entry((id, fields): &(StreamId, Fields)) -> Answer {
    let fields = fields.iter().map(|part| Answer::Bytes(part.clone()));
    Answer::List(vec![
        Answer::Bytes(id.to_string().into_bytes()),
        Answer::List(fields.collect()),
    ])
}

/// One end of a range.
fn end(word: &[u8], lower: bool) -> Result<StreamId, Fail> {
    let seq = if lower { 0 } else { u64::MAX };
    match word {
        b"-" => Ok(StreamId::ZERO),
        b"+" => Ok(MOST),
        [b'(', rest @ ..] => {
            let at = id(rest, seq)?;
            Ok(if lower { after(at) } else { before(at) })
        }
        _ => id(word, seq),
    }
}

fn after(id: StreamId) -> StreamId {
    match id.seq.checked_add(1) {
        Some(seq) => StreamId { ms: id.ms, seq },
        None => StreamId {
            ms: id.ms.saturating_add(1),
            seq: 0,
        },
    }
}

fn before(id: StreamId) -> StreamId {
    match id.seq.checked_sub(1) {
        Some(seq) => StreamId { ms: id.ms, seq },
        None => StreamId {
            ms: id.ms.saturating_sub(1),
            seq: u64::MAX,
        },
    }
}

fn range(store: &mut Store, backwards: bool, args: &[Vec<u8>]) -> Outcome {
    let (lower, upper) = if backwards {
        (&args[2], &args[1])
    } else {
        (&args[1], &args[2])
    };
    let (from, to) = (end(lower, true)?, end(upper, false)?);
    let most = match args.get(3) {
        Some(word) if is(word, "COUNT") => number(args.get(4).ok_or_else(syntax)?)?,
        None => usize::MAX,
        Some(_) => return Err(syntax()),
    };
    let Some(stream) = read(store, &args[0])? else {
        return Ok(Answer::List(Vec::new()));
    };
    let found = stream.range(from, to);
    Ok(Answer::List(if backwards {
        found.rev().take(most).map(entry).collect()
    } else {
        found.take(most).map(entry).collect()
    }))
}

fn read_on(store: &mut Store, args: &[Vec<u8>]) -> Outcome {
    let mut most = usize::MAX;
    let mut at = 0;
    while !is(&args[at], "STREAMS") {
        let value = args.get(at + 1).ok_or_else(syntax)?;
        if is(&args[at], "COUNT") {
            most = number(value)?;
        } else if !is(&args[at], "BLOCK") {
            return Err(syntax());
        }
        at += 2;
        if at >= args.len() {
            return Err(syntax());
        }
    }
    let names = &args[at + 1..];
    let (keys, ids) = names.split_at(names.len() / 2);
    let mut streams = Vec::new();
    for (key, position) in keys.iter().zip(ids) {
        let from = after(id(position, 0)?);
        let Some(stream) = read(store, key)? else {
            continue;
        };
        let some: Vec<_> = stream.range(from, MOST).take(most).map(entry).collect();
        if !some.is_empty() {
            streams.push(Answer::List(vec![
                Answer::Bytes(key.clone()),
                Answer::List(some),
            ]));
        }
    }
    Ok(if streams.is_empty() {
        Answer::Nil
    } else {
        Answer::List(streams)
    })
}
