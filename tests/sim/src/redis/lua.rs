//! The function library in Lua 5.1, as Redis runs it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use mlua::{Function, Lua, LuaOptions, MultiValue, StdLib, Table, Value};
use tidegate_stream::calls::{FunctionCall, Reply};

use super::json;
use super::reply::Answer;
use super::store::{Fail, Store};

/// A loaded function library. It keeps nothing from one call to the next, so one serves all stores.
pub struct Library {
    functions: BTreeMap<String, Registered>,
    slot: Rc<RefCell<Store>>,
    lua: Lua,
}

#[derive(Clone)]
struct Registered {
    callback: Function,
    reads_only: bool,
}

impl Library {
    /// Loads a source, as `FUNCTION LOAD` does.
    ///
    /// # Errors
    /// What Lua says of the source.
    pub fn load(source: &str) -> mlua::Result<Self> {
        let lua = Lua::new_with(
            StdLib::TABLE | StdLib::STRING | StdLib::MATH,
            LuaOptions::default(),
        )?;
        let slot = Rc::new(RefCell::new(Store::default()));
        let functions = Rc::new(RefCell::new(BTreeMap::new()));
        let redis = lua.create_table()?;
        let register = {
            let functions = functions.clone();
            lua.create_function(move |_, args: MultiValue| {
                let (name, registered) = registered(args)?;
                functions.borrow_mut().insert(name, registered);
                Ok(())
            })?
        };
        redis.set("register_function", register)?;
        let call = {
            let slot = slot.clone();
            lua.create_function(move |lua, args: MultiValue| {
                let answer = slot.borrow_mut().command(&words(args)?);
                answer
                    .map_err(|fail| mlua::Error::runtime(fail.0))
                    .and_then(|answer| into_lua(lua, answer))
            })?
        };
        redis.set("call", call)?;
        let pcall = {
            let slot = slot.clone();
            lua.create_function(move |lua, args: MultiValue| {
                match slot.borrow_mut().command(&words(args)?) {
                    Ok(answer) => into_lua(lua, answer),
                    Err(fail) => {
                        let table = lua.create_table()?;
                        table.set("err", fail.0)?;
                        Ok(Value::Table(table))
                    }
                }
            })?
        };
        redis.set("pcall", pcall)?;
        lua.globals().set("redis", redis)?;
        lua.globals().set("cjson", json::table(&lua)?)?;
        // The first line names the library, which is not Lua.
        let body = source.split_once('\n').map_or("", |(_, body)| body);
        lua.load(format!("\n{body}")).set_name("tidegate").exec()?;
        let functions = functions.borrow().clone();
        Ok(Self {
            functions,
            slot,
            lua,
        })
    }

    /// `FCALL`, or `FCALL_RO`.
    ///
    /// # Errors
    /// What Redis would say.
    pub fn call(&self, store: &mut Store, call: &FunctionCall) -> Result<Vec<Reply>, Fail> {
        let Some(function) = self.functions.get(call.name) else {
            return Err(Fail("ERR Function not found".into()));
        };
        if call.read_only && !function.reads_only {
            return Err(Fail(
                "ERR Can not execute a script with write flag using *_ro command.".into(),
            ));
        }
        if store.is_full() && !function.reads_only {
            return Err(Fail(
                "OOM allow-oom flag is not set on the function, can not run it".into(),
            ));
        }
        store.begin(function.reads_only);
        std::mem::swap(store, &mut self.slot.borrow_mut());
        let result = self.run(function, call);
        std::mem::swap(store, &mut self.slot.borrow_mut());
        store.end();
        result
            .map(Answer::flat)
            .map_err(|error| Fail(format!("ERR {error}")))
    }

    fn run(&self, function: &Registered, call: &FunctionCall) -> mlua::Result<Answer> {
        let keys = self.lua.create_table_with_capacity(call.keys.len(), 0)?;
        for key in &call.keys {
            keys.push(self.lua.create_string(key)?)?;
        }
        let args = self.lua.create_table_with_capacity(call.args.len(), 0)?;
        for arg in &call.args {
            args.push(self.lua.create_string(arg)?)?;
        }
        from_lua(function.callback.call((keys, args))?)
    }
}

fn registered(args: MultiValue) -> mlua::Result<(String, Registered)> {
    let mut args = args.into_iter();
    match (args.next(), args.next()) {
        (Some(Value::Table(named)), _) => {
            let flags: Option<Table> = named.get("flags")?;
            let mut reads_only = false;
            for flag in flags.iter().flat_map(Table::sequence_values::<String>) {
                reads_only |= flag? == "no-writes";
            }
            let callback = named.get("callback")?;
            let registered = Registered {
                callback,
                reads_only,
            };
            Ok((named.get("function_name")?, registered))
        }
        (Some(Value::String(name)), Some(Value::Function(callback))) => {
            let registered = Registered {
                callback,
                reads_only: false,
            };
            Ok((name.to_str()?.to_owned(), registered))
        }
        _ => Err(mlua::Error::runtime("wrong arguments to register_function")),
    }
}

/// A number as Redis writes it into a command: `%.17g`. The library hands over whole ones.
pub(super) fn number_text(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // 17 digits: beyond, C's format turns to an exponent.
    if number.fract() == 0.0 && number.abs() < 1e17 {
        return format!("{number:.0}");
    }
    format!("{number:e}")
}

fn words(args: MultiValue) -> mlua::Result<Vec<Vec<u8>>> {
    args.into_iter()
        .map(|arg| match arg {
            Value::String(text) => Ok(text.as_bytes().to_vec()),
            Value::Integer(number) => Ok(number.to_string().into_bytes()),
            Value::Number(number) => Ok(number_text(number).into_bytes()),
            _ => Err(mlua::Error::runtime(
                "ERR Lua redis lib command arguments must be strings or integers",
            )),
        })
        .collect()
}

fn into_lua(lua: &Lua, answer: Answer) -> mlua::Result<Value> {
    Ok(match answer {
        Answer::Nil => Value::Boolean(false),
        Answer::Status(text) => {
            let table = lua.create_table()?;
            table.set("ok", text)?;
            Value::Table(table)
        }
        Answer::Int(number) => Value::Number(number as f64),
        Answer::Bytes(bytes) => Value::String(lua.create_string(bytes)?),
        Answer::List(list) => {
            let table = lua.create_table_with_capacity(list.len(), 0)?;
            for one in list {
                table.push(into_lua(lua, one)?)?;
            }
            Value::Table(table)
        }
    })
}

fn from_lua(value: Value) -> mlua::Result<Answer> {
    Ok(match value {
        Value::String(text) => Answer::Bytes(text.as_bytes().to_vec()),
        Value::Integer(number) => Answer::Int(number),
        Value::Number(number) => Answer::Int(number as i64),
        Value::Boolean(true) => Answer::Int(1),
        Value::Table(table) => {
            if let Some(error) = table.get::<Option<String>>("err")? {
                return Err(mlua::Error::runtime(error));
            }
            if table.contains_key("ok")? {
                return Ok(Answer::Status("OK"));
            }
            let mut list = Vec::with_capacity(table.raw_len());
            for one in table.sequence_values::<Value>() {
                list.push(from_lua(one?)?);
            }
            Answer::List(list)
        }
        _ => Answer::Nil,
    })
}
