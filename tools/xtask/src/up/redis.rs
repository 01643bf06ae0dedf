//! The system's own Redis: started, and filled with what everybody expects to find.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tidegate_stream::calls::{self, Fault, Library, SOURCE, SetLayout, VERSION};
use tidegate_stream::shard::DEFAULT_SHARDS;
use tidegate_stream::{Keys, Region, ShardCount, Stamp};

use super::plan::{HOST, Plan};
use super::resp::{Connection, Reply};
use crate::process::{Family, Service};
use crate::settings::Settings;

/// Starts it. It writes an append-only file, so what was acknowledged is there again after the next start.
///
/// # Errors
/// When its folder cannot be made or it does not start.
pub fn start<'a>(family: &'a Family, plan: &Plan) -> Result<Service<'a>> {
    Service::start(family, "redis", &plan.logs(), &mut command(plan)?)
}

/// What starts it. Its folder is made.
///
/// # Errors
/// When that cannot be made.
pub fn command(plan: &Plan) -> Result<Command> {
    let mut command = Command::new("redis-server");
    configure(
        &mut command,
        plan.redis,
        &[HOST],
        "everysec",
        &plan.redis_folder(),
    )?;
    Ok(command)
}

/// The same for a bench: the append-only file is never rewritten, since a child process would do that, beside what is measured
/// and gone before its CPU can be read.
///
/// # Errors
/// As [`command`].
pub fn measured(plan: &Plan) -> Result<Command> {
    let mut command = command(plan)?;
    command.args(["--auto-aof-rewrite-percentage", "0"]);
    Ok(command)
}

/// Tells a `redis-server` where to listen, and how often what it wrote goes to disk.
///
/// # Errors
/// When its folder cannot be made.
pub fn configure(
    command: &mut Command,
    port: u16,
    bind: &[&str],
    appendfsync: &str,
    folder: &Path,
) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    command.args(["--port", &port.to_string(), "--bind"]);
    command.args(bind).arg("--dir").arg(folder);
    command.args(["--appendonly", "yes", "--appendfsync", appendfsync]);
    command.args(["--save", ""]);
    command.args(["--maxmemory-policy", "noeviction", "--daemonize", "no"]);
    Ok(())
}

/// Whether it takes commands already. It answers `LOADING` while it reads its file.
pub fn is_ready(port: u16) -> Result<(), String> {
    is_ready_at(local(port))
}

/// The same, anywhere.
pub fn is_ready_at(address: SocketAddr) -> Result<(), String> {
    let pong = Connection::open(address)
        .and_then(|mut redis| redis.ask(&["PING"]))
        .map_err(|error| format!("{error:#}"))?;
    match pong {
        Reply::Text(text) if text == "PONG" => Ok(()),
        other => Err(format!("it answers {other:?}")),
    }
}

/// What `INFO replication` says under a name.
///
/// # Errors
/// When it does not answer, or says nothing of that.
pub fn replication(address: SocketAddr, name: &str) -> Result<String> {
    let mut redis = Connection::open(address)?;
    let Reply::Text(text) = redis.call(&["INFO", "replication"])? else {
        bail!("INFO answers no text");
    };
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(line
        .with_context(|| format!("no {name} in `INFO replication`"))?
        .to_owned())
}

/// Whether a primary has a replica that follows.
pub fn has_replica(address: SocketAddr) -> Result<(), String> {
    match replication(address, "min_slaves_good_slaves").map_err(|error| format!("{error:#}"))? {
        none if none == "0" => Err("no replica follows".to_owned()),
        _ => Ok(()),
    }
}

/// Loads the function library where it is missing or older, and writes layout and region.
///
/// # Errors
/// When this Redis holds another layout, or refuses.
pub fn fill(port: u16, settings: &Settings, socket: &str, edge: &str) -> Result<String> {
    let region = own_region(settings)?;
    fill_with(local(port), settings, &[(region, socket, edge)])
}

/// The same for a Redis anywhere, with all regions that there are: name, socket URL, edge URL.
///
/// # Errors
/// As [`fill`].
pub fn fill_with(
    address: SocketAddr,
    settings: &Settings,
    regions: &[(Region, &str, &str)],
) -> Result<String> {
    let mut redis = Connection::open(address)?;
    let said = load_library(&mut redis)?;
    let shards =
        ShardCount::new(DEFAULT_SHARDS).context("the default number of shards is out of range")?;
    let keys = Keys::new(settings.required("prefix")?, shards);
    write_layout(&mut redis, &keys)?;
    for (region, socket, edge) in regions {
        write_region(&mut redis, &keys, region, socket, edge)?;
    }
    Ok(said)
}

fn own_region(settings: &Settings) -> Result<Region> {
    let region = settings.required("region")?;
    region.parse().context("SPIN_VARIABLE_REGION")
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn load_library(redis: &mut Connection) -> Result<String> {
    let there = match redis.ask(&["FCALL", "tg_version", "0"])? {
        Reply::Integer(version) => {
            Library::Found(u64::try_from(version).context("tg_version answers less than 0")?)
        }
        Reply::Error(why) if Fault::of(&why) == Fault::NoLibrary => Library::Missing,
        Reply::Error(why) => bail!("Redis refuses tg_version: {why}"),
        other => bail!("tg_version answers {other:?}, which is no version"),
    };
    if there.must_be_loaded() {
        redis
            .call(&["FUNCTION", "LOAD", "REPLACE", SOURCE])
            .context("infra/redis/tidegate.lua cannot be loaded")?;
        return Ok(format!("functions loaded, version {VERSION}"));
    }
    Ok("functions are there".to_owned())
}

fn write_layout(redis: &mut Connection, keys: &Keys) -> Result<()> {
    let layout = keys.layout();
    let set = SetLayout {
        shards: keys.shards(),
    };
    let words = set.call(keys).command();
    let words: Vec<_> = words
        .iter()
        .map(|word| String::from_utf8_lossy(word))
        .collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let answer = match redis.call(&words)? {
        Reply::List(values) => values.into_iter().map(value).collect::<Result<Vec<_>>>()?,
        other => bail!("tg_layout answers {other:?}, which is no layout"),
    };
    let remedy = "use the build that wrote it, or another data folder";
    let shards = SetLayout::answer(&answer)
        .with_context(|| format!("{layout} in this Redis is another build's: {remedy}"))?;
    if shards != keys.shards() {
        bail!(
            "{layout} in this Redis says {} shards, and this build works with {} only: {remedy}",
            shards.get(),
            keys.shards().get()
        );
    }
    Ok(())
}

/// One value of a function's answer.
fn value(reply: Reply) -> Result<calls::Reply> {
    Ok(match reply {
        Reply::Nil => calls::Reply::Nil,
        Reply::Integer(number) => calls::Reply::Int(number),
        Reply::Text(text) => calls::Reply::Bytes(text.into_bytes()),
        other => bail!("{other:?} is no value of an answer"),
    })
}

fn write_region(
    redis: &mut Connection,
    keys: &Keys,
    region: &Region,
    socket: &str,
    edge: &str,
) -> Result<()> {
    let key = keys.regions();
    let before = match redis.call(&["HGET", &key, region.as_str()])? {
        Reply::Text(text) => serde_json::from_str(&text).ok(),
        _ => None,
    };
    if let Some(region_now) = region_entry(before.as_ref(), region, socket, edge, time_ms(redis)?) {
        redis.call(&["HSET", &key, region.as_str(), &region_now.to_string()])?;
    }
    Ok(())
}

/// The region's entry, unless the one before says the same. A later stamp is what makes other regions take it over.
fn region_entry(
    before: Option<&Value>,
    region: &Region,
    socket: &str,
    edge: &str,
    now_ms: u64,
) -> Option<Value> {
    let stamp = before.and_then(|entry| entry["stamp"].as_str()?.parse::<Stamp>().ok());
    let same = |entry: &Value| {
        entry["state"] == "active" && entry["edge"] == edge && entry["socket"] == socket
    };
    if stamp.is_some() && before.is_some_and(same) {
        return None;
    }
    let ms = stamp.map_or(now_ms, |stamp| now_ms.max(stamp.ms + 1));
    let stamp = Stamp {
        ms,
        region: region.clone(),
    };
    Some(json!({ "state": "active", "edge": edge, "socket": socket, "stamp": stamp.to_string() }))
}

fn time_ms(redis: &mut Connection) -> Result<u64> {
    match redis.call(&["TIME"])? {
        Reply::List(parts) => match parts.as_slice() {
            [Reply::Text(seconds), Reply::Text(micros)] => {
                Ok(seconds.parse::<u64>()? * 1000 + micros.parse::<u64>()? / 1000)
            }
            other => bail!("TIME answers {other:?}"),
        },
        other => bail!("TIME answers {other:?}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::ready;
    use super::*;
    use crate::workspace::Workspace;

    const SOCKET: &str = "ws://127.0.0.1:7001";
    const EDGE: &str = "http://127.0.0.1:3000";

    #[test]
    fn a_region_that_has_not_moved_is_left_as_it_is() {
        let region: Region = "local".parse().unwrap();
        let first = region_entry(None, &region, SOCKET, EDGE, 1000).unwrap();
        assert_eq!(
            first,
            json!({"state":"active","edge":EDGE,"socket":SOCKET,"stamp":"1000.local"})
        );
        assert_eq!(
            region_entry(Some(&first), &region, SOCKET, EDGE, 2000),
            None
        );
    }

    #[test]
    fn a_region_that_has_moved_gets_a_later_stamp_even_when_the_clock_went_back() {
        let region: Region = "local".parse().unwrap();
        let first = region_entry(None, &region, SOCKET, EDGE, 1000).unwrap();
        let second =
            region_entry(Some(&first), &region, SOCKET, "http://127.0.0.1:3001", 500).unwrap();
        assert_eq!(second["stamp"], "1001.local");
        assert_eq!(second["edge"], "http://127.0.0.1:3001");
    }

    /// A Redis of its own on a free port, as `up` starts it.
    pub(crate) fn with_redis(name: &str, test: impl FnOnce(&Plan, &Settings)) {
        let workspace = Workspace::find().unwrap();
        let family = Family::without_guard();
        let plan = Plan::on_free_ports(&workspace, name, 1).unwrap();
        let mut service = start(&family, &plan).unwrap();
        let check = || service.check();
        ready::wait(family.stop(), "redis", check, || is_ready(plan.redis)).unwrap();
        let mut settings = Settings::load(&workspace).unwrap();
        settings.set("region", "local");
        settings.set("prefix", "tg");
        test(&plan, &settings);
        service.end();
        fs::remove_dir_all(workspace.data(name)).unwrap();
    }

    #[test]
    fn the_library_is_loaded_once_and_a_region_written() {
        with_redis("unit-test-fill", |plan, settings| {
            let first = fill(plan.redis, settings, SOCKET, EDGE).unwrap();
            assert_eq!(first, format!("functions loaded, version {VERSION}"));
            let second = fill(plan.redis, settings, SOCKET, EDGE).unwrap();
            assert_eq!(second, "functions are there");
            let mut redis = Connection::open(local(plan.redis)).unwrap();
            let region = redis.call(&["HGET", "tg:regions", "local"]).unwrap();
            let Reply::Text(region) = region else {
                panic!("{region:?}")
            };
            assert!(
                region.contains(SOCKET) && region.contains("active"),
                "{region}"
            );
        });
    }

    #[test]
    fn another_layout_is_left_alone_and_named() {
        with_redis("unit-test-layout", |plan, settings| {
            let mut redis = Connection::open(local(plan.redis)).unwrap();
            redis
                .call(&["HSET", "tg:layout", "version", "1", "shards", "128"])
                .unwrap();
            let error = fill(plan.redis, settings, SOCKET, EDGE)
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with("tg:layout in this Redis says 128 shards"),
                "{error}"
            );
        });
    }
}
