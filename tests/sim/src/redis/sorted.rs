//! Commands on sorted sets.

use super::command::{Outcome, is, number, syntax, wrong_type};
use super::reply::Answer;
use super::store::{Fail, Store};
use super::value::{Value, score_text, set_member};

type Members = Vec<(f64, Vec<u8>)>;

pub(super) fn run(store: &mut Store, name: &str, args: &[Vec<u8>]) -> Outcome {
    let key = &args[0];
    match name {
        "ZADD" => add(store, args),
        "ZREM" => {
            if read(store, key)?.is_empty() {
                return Ok(Answer::Int(0));
            }
            let members = change(store, key)?;
            let before = members.len();
            members.retain(|(_, name)| !args[1..].contains(name));
            let (gone, empty) = (before - members.len(), members.is_empty());
            if empty {
                store.remove(key);
            }
            Ok(gone.into())
        }
        "ZCARD" => Ok(read(store, key)?.len().into()),
        "ZSCORE" => Ok(read(store, key)?
            .iter()
            .find(|(_, name)| *name == args[1])
            .map(|(score, _)| score_text(*score))
            .into()),
        "ZREVRANK" => Ok(read(store, key)?
            .iter()
            .rev()
            .position(|(_, name)| *name == args[1])
            .map_or(Answer::Nil, Answer::from)),
        "ZCOUNT" => {
            let (least, above) = bound(&args[1])?;
            let (most, below) = bound(&args[2])?;
            let within = |score: f64| {
                (if above { score > least } else { score >= least })
                    && (if below { score < most } else { score <= most })
            };
            let count = read(store, key)?
                .iter()
                .filter(|(score, _)| within(*score))
                .count();
            Ok(count.into())
        }
        "ZRANDMEMBER" => {
            let most: usize = number(args.get(1).map_or(b"1", |word| word))?;
            let mut members = read(store, key)?.clone();
            if most < members.len() {
                store.chance.shuffle(&mut members);
                members.truncate(most);
            }
            Ok(names(&members, false))
        }
        "ZRANGEBYLEX" => by_name(store, args),
        "ZRANGE" | "ZREVRANGE" => {
            let mut members = read(store, key)?.clone();
            if name == "ZREVRANGE" {
                members.reverse();
            }
            let scores = args.get(3).is_some_and(|word| is(word, "WITHSCORES"));
            let (from, to) = places(number(&args[1])?, number(&args[2])?, members.len());
            Ok(names(&members[from..to], scores))
        }
        "ZSCAN" => {
            let all = names(read(store, key)?, true);
            Ok(Answer::List(vec![Answer::Bytes(b"0".to_vec()), all]))
        }
        other => unreachable!("{other} is in the list of commands"),
    }
}

static NONE: Members = Vec::new();

fn read<'a>(store: &'a mut Store, key: &[u8]) -> Result<&'a Members, Fail> {
    match store.get(key) {
        None => Ok(&NONE),
        Some(Value::Sorted(members)) => Ok(members),
        Some(_) => Err(wrong_type()),
    }
}

fn change<'a>(store: &'a mut Store, key: &[u8]) -> Result<&'a mut Members, Fail> {
    match store.change(key, || Value::Sorted(Vec::new())) {
        Value::Sorted(members) => Ok(members),
        _ => Err(wrong_type()),
    }
}

fn names(members: &[(f64, Vec<u8>)], scores: bool) -> Answer {
    let mut list = Vec::new();
    for (score, name) in members {
        list.push(Answer::Bytes(name.clone()));
        if scores {
            list.push(Answer::Bytes(score_text(*score)));
        }
    }
    Answer::List(list)
}

fn add(store: &mut Store, args: &[Vec<u8>]) -> Outcome {
    let mut at = 1;
    let (mut new_only, mut old_only) = (false, false);
    while let Some(word) = args.get(at) {
        if is(word, "NX") {
            new_only = true;
        } else if is(word, "XX") {
            old_only = true;
        } else {
            break;
        }
        at += 1;
    }
    let mut added = 0;
    for pair in args[at..].chunks(2) {
        let [score, name] = pair else {
            return Err(syntax());
        };
        let score: f64 = number(score)?;
        let there = read(store, &args[0])?
            .iter()
            .any(|(_, known)| known == name);
        if (there && new_only) || (!there && old_only) {
            continue;
        }
        set_member(change(store, &args[0])?, score, name.clone());
        added += usize::from(!there);
    }
    Ok(added.into())
}

/// A score, and whether it is excluded itself.
fn bound(word: &[u8]) -> Result<(f64, bool), Fail> {
    let (word, excluded) = match word.strip_prefix(b"(") {
        Some(rest) => (rest, true),
        None => (word, false),
    };
    let score = number(word).map_err(|_| Fail("ERR min or max is not a float".into()))?;
    Ok((score, excluded))
}

fn by_name(store: &mut Store, args: &[Vec<u8>]) -> Outcome {
    let above = |word: &[u8], name: &[u8]| match word.split_first() {
        Some((b'[', rest)) => name >= rest,
        Some((b'(', rest)) => name > rest,
        Some((b'-', _)) => true,
        _ => false,
    };
    let below = |word: &[u8], name: &[u8]| match word.split_first() {
        Some((b'[', rest)) => name <= rest,
        Some((b'(', rest)) => name < rest,
        Some((b'+', _)) => true,
        _ => false,
    };
    let (from, most): (usize, usize) = match args.get(3) {
        Some(word) if is(word, "LIMIT") && args.len() == 6 => {
            (number(&args[4])?, number(&args[5])?)
        }
        None => (0, usize::MAX),
        _ => return Err(syntax()),
    };
    let some: Members = read(store, &args[0])?
        .iter()
        .filter(|(_, name)| above(&args[1], name) && below(&args[2], name))
        .skip(from)
        .take(most)
        .cloned()
        .collect();
    Ok(names(&some, false))
}

/// Places as Redis counts them, negative ones from the end, as a range.
fn places(from: i64, to: i64, length: usize) -> (usize, usize) {
    let length = length as i64;
    let from = if from < 0 {
        (from + length).max(0)
    } else {
        from
    };
    let to = if to < 0 {
        to + length
    } else {
        to.min(length - 1)
    };
    if from > to || from >= length {
        return (0, 0);
    }
    (from as usize, to as usize + 1)
}
