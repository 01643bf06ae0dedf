//! What a node sends, read back: for clients and tests in Rust.

use serde_json::{Map, Value};

use super::item::{Items, Unreadable};
use super::{COUNTERS, ENDPOINT, FRAME, MESSAGE};

/// The same frame as `tidegate.v1.json` has it; [`ServerFrame`](crate::frames::ServerFrame) reads that. Fields that are not
/// known are passed over. `None`: it is no frame of a node.
pub fn json(bytes: &[u8]) -> Option<Value> {
    let mut items = Items::new(bytes);
    let frame = object(&mut items, &FRAME, |name, mut value| match name {
        "messages" => list(&mut value, |items| object(items, &MESSAGE, field)),
        "endpoints" => list(&mut value, |items| object(items, &ENDPOINT, field)),
        "counters" => object(&mut value, &COUNTERS, field),
        _ => field(name, value),
    });
    frame.ok().filter(|_| items.is_empty())
}

fn object(
    items: &mut Items<'_>,
    names: &[&str],
    read: impl Fn(&str, Items<'_>) -> Result<Value, Unreadable>,
) -> Result<Value, Unreadable> {
    let mut object = Map::new();
    for _ in 0..items.map()? {
        let number = items.uint()?;
        let value = items.item()?;
        let name = usize::try_from(number).ok().and_then(|n| names.get(n));
        if let Some(name) = name {
            object.insert((*name).to_owned(), read(name, value)?);
        }
    }
    Ok(Value::Object(object))
}

fn list(
    items: &mut Items<'_>,
    read: impl Fn(&mut Items<'_>) -> Result<Value, Unreadable>,
) -> Result<Value, Unreadable> {
    (0..items.array()?).map(|_| read(items)).collect()
}

fn field(name: &str, value: Items<'_>) -> Result<Value, Unreadable> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    if value.is_true() {
        return Ok(true.into());
    }
    let (mut text, mut uint) = (value, value);
    match (name, text.text()) {
        ("info" | "data", Ok(text)) => serde_json::from_str(text).map_err(|_| Unreadable),
        (_, Ok(text)) => Ok(text.into()),
        (_, Err(_)) => uint.uint().map(Value::from),
    }
}
