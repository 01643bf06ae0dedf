//! Strings, expiry, and what belongs to no type.

use super::command::{OK, Outcome, is, number, syntax, wrong_type};
use super::reply::Answer;
use super::store::{Fail, Store};
use super::value::Value;

pub(super) fn run(store: &mut Store, name: &str, args: &[Vec<u8>]) -> Outcome {
    match name {
        "TIME" => {
            let us = store.clock_us();
            let part = |number: u64| Answer::Bytes(number.to_string().into_bytes());
            Ok(Answer::List(vec![
                part(us / 1_000_000),
                part(us % 1_000_000),
            ]))
        }
        "INFO" => {
            let report = format!(
                "# Replication\r\nrole:master\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\nmaster_replid:{}\r\nmaster_replid2:{}\r\n",
                store.run(),
                "0".repeat(40)
            );
            Ok(Answer::Bytes(report.into_bytes()))
        }
        "GET" => text(store, &args[0]).map(Answer::from),
        "MGET" => {
            let values = args
                .iter()
                .map(|key| Answer::from(text(store, key).unwrap_or(None)));
            Ok(Answer::List(values.collect()))
        }
        "STRLEN" => Ok(text(store, &args[0])?.map_or(0, |text| text.len()).into()),
        "SET" => set(store, args),
        "INCR" => {
            let old: i64 = match text(store, &args[0])? {
                Some(text) => number(&text)?,
                None => 0,
            };
            let new = (old + 1).to_string().into_bytes();
            match store.change(&args[0], || Value::Text(Vec::new())) {
                Value::Text(text) => *text = new,
                _ => return Err(wrong_type()),
            }
            Ok(Answer::Int(old + 1))
        }
        "DEL" | "UNLINK" => Ok(args.iter().filter(|key| store.remove(key)).count().into()),
        "EXISTS" => Ok(args.iter().filter(|key| store.has(key)).count().into()),
        "TYPE" => Ok(Answer::Status(match store.get(&args[0]) {
            None => "none",
            Some(Value::Text(_)) => "string",
            Some(Value::Hash(_)) => "hash",
            Some(Value::Sorted(_)) => "zset",
            Some(Value::Stream(_)) => "stream",
        })),
        "PTTL" => {
            let now_ms = store.clock_ms();
            Ok(Answer::Int(match store.expires_ms(&args[0]) {
                None => -2,
                Some(None) => -1,
                Some(Some(at_ms)) => (at_ms - now_ms) as i64,
            }))
        }
        "EXPIRE" | "PEXPIRE" | "PEXPIREAT" => {
            let given: i64 = number(&args[1])?;
            if !store.has(&args[0]) {
                return Ok(Answer::Int(0));
            }
            let now_ms = store.clock_ms() as i64;
            let at_ms = match name {
                "EXPIRE" => now_ms + given * 1_000,
                "PEXPIRE" => now_ms + given,
                _ => given,
            };
            if at_ms <= now_ms {
                store.remove(&args[0]);
            } else {
                store.set_expiry(&args[0], at_ms as u64);
            }
            Ok(Answer::Int(1))
        }
        "PERSIST" => match store.expires_ms(&args[0]) {
            Some(Some(_)) => {
                store.clear_expiry(&args[0]);
                Ok(Answer::Int(1))
            }
            _ => Ok(Answer::Int(0)),
        },
        other => unreachable!("{other} is in the list of commands"),
    }
}

fn text(store: &mut Store, key: &[u8]) -> Result<Option<Vec<u8>>, Fail> {
    match store.get(key) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong_type()),
    }
}

fn set(store: &mut Store, args: &[Vec<u8>]) -> Outcome {
    let mut expires_ms = None;
    let (mut new_only, mut old_only, mut keep) = (false, false, false);
    let mut rest = args[2..].iter();
    let now_ms = store.clock_ms();
    while let Some(word) = rest.next() {
        if is(word, "NX") {
            new_only = true;
        } else if is(word, "XX") {
            old_only = true;
        } else if is(word, "KEEPTTL") {
            keep = true;
        } else {
            let given: i64 = number(rest.next().ok_or_else(syntax)?)?;
            if given <= 0 {
                return Err(Fail("ERR invalid expire time in 'set' command".into()));
            }
            let given = given as u64;
            expires_ms = Some(if is(word, "PX") {
                now_ms + given
            } else if is(word, "EX") {
                now_ms + given * 1_000
            } else if is(word, "PXAT") {
                given
            } else {
                return Err(syntax());
            });
        }
    }
    let there = store.has(&args[0]);
    if (new_only && there) || (old_only && !there) {
        return Ok(Answer::Nil);
    }
    if keep {
        expires_ms = store.expires_ms(&args[0]).flatten();
    }
    store.put(&args[0], Value::Text(args[1].clone()), expires_ms);
    Ok(OK)
}
