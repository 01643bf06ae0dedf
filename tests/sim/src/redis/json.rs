//! `cjson`, as far as it is used.

use mlua::{Lua, Result, Table, Value};

/// The table of functions.
pub fn table(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    table.set(
        "decode",
        lua.create_function(|lua, text: mlua::String| decode(lua, &text))?,
    )?;
    table.set(
        "encode",
        lua.create_function(|lua, value: Value| {
            let mut out = Vec::new();
            encode(&value, &mut out)?;
            lua.create_string(out)
        })?,
    )?;
    table.set("null", Value::NULL)?;
    Ok(table)
}

fn decode(lua: &Lua, text: &mlua::String) -> Result<Value> {
    let value = serde_json::from_slice(&text.as_bytes())
        .map_err(|error| mlua::Error::runtime(format!("invalid JSON: {error}")))?;
    into_lua(lua, value)
}

fn into_lua(lua: &Lua, value: serde_json::Value) -> Result<Value> {
    Ok(match value {
        serde_json::Value::Null => Value::NULL,
        serde_json::Value::Bool(yes) => Value::Boolean(yes),
        serde_json::Value::Number(number) => Value::Number(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Value::String(lua.create_string(text)?),
        serde_json::Value::Array(list) => {
            let table = lua.create_table()?;
            for one in list {
                table.push(into_lua(lua, one)?)?;
            }
            Value::Table(table)
        }
        serde_json::Value::Object(fields) => {
            let table = lua.create_table()?;
            for (name, one) in fields {
                table.set(name, into_lua(lua, one)?)?;
            }
            Value::Table(table)
        }
    })
}

fn encode(value: &Value, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Nil => out.extend_from_slice(b"null"),
        value if value.is_null() => out.extend_from_slice(b"null"),
        Value::Boolean(yes) => out.extend_from_slice(yes.to_string().as_bytes()),
        Value::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Number(number) => out.extend_from_slice(super::lua::number_text(*number).as_bytes()),
        Value::String(text) => string(&text.as_bytes(), out),
        Value::Table(table) if table.raw_len() > 0 => {
            out.push(b'[');
            for (index, one) in table.sequence_values::<Value>().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                encode(&one?, out)?;
            }
            out.push(b']');
        }
        Value::Table(table) => {
            out.push(b'{');
            for (index, pair) in table.pairs::<mlua::String, Value>().enumerate() {
                let (name, one) = pair?;
                if index > 0 {
                    out.push(b',');
                }
                string(&name.as_bytes(), out);
                out.push(b':');
                encode(&one, out)?;
            }
            out.push(b'}');
        }
        other => {
            let kind = other.type_name();
            return Err(mlua::Error::runtime(format!("Cannot serialise {kind}")));
        }
    }
    Ok(())
}

/// `cjson` writes a slash with a backslash, and leaves alone what is above ASCII, well-formed or not.
fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'/' => out.extend_from_slice(b"\\/"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            0..32 | 127 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
