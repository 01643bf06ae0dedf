//! Commands on hashes.

use super::command::{Outcome, is, number, wrong_type};
use super::reply::Answer;
use super::store::{Fail, Store};
use super::value::{Value, field, set_field};

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

pub(super) fn run(store: &mut Store, name: &str, args: &[Vec<u8>]) -> Outcome {
    let key = &args[0];
    match name {
        "HGET" => Ok(read(store, key)?
            .and_then(|pairs| field(pairs, &args[1]).cloned())
            .into()),
        "HMGET" => {
            let pairs = read(store, key)?;
            let values = args[1..]
                .iter()
                .map(|name| Answer::from(pairs.and_then(|pairs| field(pairs, name).cloned())));
            Ok(Answer::List(values.collect()))
        }
        "HEXISTS" => Ok(read(store, key)?
            .is_some_and(|pairs| field(pairs, &args[1]).is_some())
            .into()),
        "HLEN" => Ok(read(store, key)?.map_or(0, Vec::len).into()),
        "HKEYS" => Ok(names(read(store, key)?.into_iter().flatten())),
        "HGETALL" => Ok(both(read(store, key)?.into_iter().flatten())),
        "HSCAN" => {
            // All at once, as Redis does it for a small hash.
            let all = both(read(store, key)?.into_iter().flatten());
            Ok(Answer::List(vec![Answer::Bytes(b"0".to_vec()), all]))
        }
        "HRANDFIELD" => random(store, args),
        "HSET" | "HSETNX" => {
            if args.len().is_multiple_of(2) {
                return Err(Fail(
                    "ERR wrong number of arguments for 'hset' command".into(),
                ));
            }
            let pairs = change(store, key)?;
            let mut new = 0;
            for pair in args[1..].chunks_exact(2) {
                if name == "HSETNX" && field(pairs, &pair[0]).is_some() {
                    continue;
                }
                new += usize::from(set_field(pairs, &pair[0], pair[1].clone()));
            }
            Ok(new.into())
        }
        "HINCRBY" => {
            let by: i64 = number(&args[2])?;
            let pairs = change(store, key)?;
            let old: i64 = match field(pairs, &args[1]) {
                Some(text) => {
                    number(text).map_err(|_| Fail("ERR hash value is not an integer".into()))?
                }
                None => 0,
            };
            set_field(pairs, &args[1], (old + by).to_string().into_bytes());
            Ok(Answer::Int(old + by))
        }
        "HDEL" => {
            if read(store, key)?.is_none() {
                return Ok(Answer::Int(0));
            }
            let pairs = change(store, key)?;
            let before = pairs.len();
            pairs.retain(|(name, _)| !args[1..].contains(name));
            let (gone, empty) = (before - pairs.len(), pairs.is_empty());
            if empty {
                store.remove(key);
            }
            Ok(gone.into())
        }
        other => unreachable!("{other} is in the list of commands"),
    }
}

fn read<'a>(store: &'a mut Store, key: &[u8]) -> Result<Option<&'a Pairs>, Fail> {
    match store.get(key) {
        None => Ok(None),
        Some(Value::Hash(pairs)) => Ok(Some(pairs)),
        Some(_) => Err(wrong_type()),
    }
}

fn change<'a>(store: &'a mut Store, key: &[u8]) -> Result<&'a mut Pairs, Fail> {
    match store.change(key, || Value::Hash(Vec::new())) {
        Value::Hash(pairs) => Ok(pairs),
        _ => Err(wrong_type()),
    }
}

fn names<'a>(pairs: impl Iterator<Item = &'a (Vec<u8>, Vec<u8>)>) -> Answer {
    Answer::List(pairs.map(|(name, _)| Answer::Bytes(name.clone())).collect())
}

fn both<'a>(pairs: impl Iterator<Item = &'a (Vec<u8>, Vec<u8>)>) -> Answer {
    Answer::List(
        pairs
            .flat_map(|(name, value)| [name, value].map(|part| Answer::Bytes(part.clone())))
            .collect(),
    )
}

/// Different fields, in a random order unless it is all of them.
fn random(store: &mut Store, args: &[Vec<u8>]) -> Outcome {
    let most: usize = number(args.get(1).map_or(b"1", |word| word))?;
    let values = args.get(2).is_some_and(|word| is(word, "WITHVALUES"));
    let mut pairs = read(store, &args[0])?.cloned().unwrap_or_default();
    if most < pairs.len() {
        store.chance.shuffle(&mut pairs);
        pairs.truncate(most);
    }
    Ok(if values {
        both(pairs.iter())
    } else {
        names(pairs.iter())
    })
}
