//! `cargo xtask region add` and `retire`: which regions there are. Relays carry it on within a second.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tidegate_stream::calls::MergeRegion;
use tidegate_stream::host::is_unspecified;
use tidegate_stream::{Keys, Region, ShardCount};

use super::{Place, keys};
use crate::settings::Settings;
use crate::up::resp::{Connection, Reply};

/// How long two looks at a log that must stand still are apart.
const STILL: Duration = Duration::from_secs(2);
/// How often it is looked whether the others have read to the end.
const LOOK: Duration = Duration::from_millis(500);

/// A region that joins, or whose addresses change.
#[derive(Debug, Clone, clap::Args)]
pub struct Add {
    /// Its name: 1 to 16 of a-z 0-9 -, never used before, never changed.
    name: String,
    /// Where its edge is reached, `https://api-NAME.example.com`.
    #[arg(long, value_name = "URL")]
    edge: String,
    /// Where its sockets are reached, wss://live-NAME.example.com.
    #[arg(long, value_name = "URL")]
    socket: String,
    /// It has been filled: viewers may be sent there, and a Redis that lost its tail asks it. Without this it is joining.
    #[arg(long)]
    active: bool,
    /// Redis of a region to write it into; again for each [default: SPIN_VARIABLE_REDIS_URL].
    #[arg(long = "redis-url", value_name = "URL")]
    redis_urls: Vec<String>,
}

/// A region that goes for good.
#[derive(Debug, Clone, clap::Args)]
pub struct Retire {
    /// Its name, which is never used again.
    name: String,
    /// Its own Redis, where it is read to which end the others must have come.
    #[arg(long, value_name = "URL", required_unless_present = "lost")]
    of: Option<String>,
    /// Its Redis is gone for good: what the others have not read is lost.
    #[arg(long, conflicts_with = "of")]
    lost: bool,
    /// Redis of a region that stays; again for each [default: SPIN_VARIABLE_REDIS_URL].
    #[arg(long = "redis-url", value_name = "URL")]
    redis_urls: Vec<String>,
    /// How long the others may take to read to the end, seconds.
    #[arg(long, default_value_t = 60, value_name = "S")]
    wait_s: u64,
}

struct Site {
    url: String,
    redis: Connection,
}

fn open(settings: &Settings, url: Option<&str>) -> Result<Site> {
    let shown = match url.or_else(|| settings.get("redis_url")) {
        // Credentials are nobody's business.
        Some(url) => url
            .rsplit_once('@')
            .map_or(url, |(_, rest)| rest)
            .to_owned(),
        None => String::new(),
    };
    Ok(Site {
        redis: Place::of(url).open(settings)?,
        url: shown,
    })
}

fn open_all(settings: &Settings, urls: &[String]) -> Result<Vec<Site>> {
    if urls.is_empty() {
        return Ok(vec![open(settings, None)?]);
    }
    urls.iter().map(|url| open(settings, Some(url))).collect()
}

/// Writes a region's line into one Redis; its state there afterwards.
fn write(site: &mut Site, keys: &Keys, name: &Region, line: &str) -> Result<String> {
    let call = MergeRegion { name, line }.call(keys);
    let words = call
        .command()
        .into_iter()
        .map(String::from_utf8)
        .collect::<Result<Vec<_>, _>>()
        .context("the line is no text")?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let reply = site.redis.call(&words).with_context(|| {
        format!(
            "{}: the function library must be there, that of this release: start an edge or a node",
            site.url
        )
    })?;
    match reply {
        Reply::List(parts) => match parts.as_slice() {
            [Reply::Text(verdict), Reply::Text(state)] if verdict != "refused" => Ok(state.clone()),
            other => bail!("{}: the line is not taken: {other:?}", site.url),
        },
        other => bail!("{}: the line is not taken: {other:?}", site.url),
    }
}

fn check_url(what: &str, url: &str, schemes: [&str; 2]) -> Result<()> {
    let rest = schemes.iter().find_map(|scheme| url.strip_prefix(scheme));
    ensure!(
        rest.is_some_and(|host| !host.is_empty() && !host.contains(|c: char| c.is_whitespace())),
        "{what} is {}host or {}host, not {url:?}",
        schemes[0],
        schemes[1]
    );
    ensure!(
        !is_unspecified(url),
        "{what} {url} is every address of a machine: no client can connect to that"
    );
    Ok(())
}

fn now_ms() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis())
}

/// Adds a region, or changes its addresses, or makes it active.
///
/// # Errors
/// When a name or an address is none, or a Redis does not take it.
pub fn add(settings: &Settings, args: &Add) -> Result<String> {
    let name: Region = args
        .name
        .parse()
        .with_context(|| format!("{:?} is no region's name", args.name))?;
    check_url("--edge", &args.edge, ["https://", "http://"])?;
    check_url("--socket", &args.socket, ["wss://", "ws://"])?;
    let state = if args.active { "active" } else { "joining" };
    let line = json!({
        "state": state,
        "edge": args.edge,
        "socket": args.socket,
        "stamp": format!("{}.{name}", now_ms()),
    })
    .to_string();
    let keys = keys(settings);
    let mut said = Vec::new();
    for site in &mut open_all(settings, &args.redis_urls)? {
        let now = write(site, &keys, &name, &line)?;
        ensure!(
            now != "retired",
            "{}: {name} is retired, and a name is never used again: choose another",
            site.url
        );
        said.push(format!("{}: {name} is {now}", site.url));
    }
    if !args.active {
        said.push(format!(
            "when its relay's lag is 0, and the others' from it: the same again with --active. Relays tell {name} on"
        ));
    }
    Ok(said.join("\n"))
}

fn shards(site: &mut Site, keys: &Keys) -> Result<Keys> {
    let reply = site.redis.call(&["HGET", &keys.layout(), "shards"])?;
    let Reply::Text(text) = reply else {
        bail!(
            "{}: {} is not there: not a Redis of Tidegate's",
            site.url,
            keys.layout()
        );
    };
    let count = text.parse().ok().and_then(ShardCount::new);
    let count = count.with_context(|| format!("{}: {text:?} shards", site.url))?;
    Ok(Keys::new(keys.prefix(), count))
}

/// The last ids of a region's logs, as they lie there.
fn ends(site: &mut Site, keys: &Keys, origin: &Region) -> Result<Vec<String>> {
    let mut ends = Vec::new();
    for shard in keys.shards().all() {
        let key = keys.log(shard, origin);
        let reply = site
            .redis
            .call(&["XREVRANGE", &key, "+", "-", "COUNT", "1"])?;
        ends.push(match reply {
            Reply::List(rows) => match rows.first() {
                Some(Reply::List(row)) => match row.first() {
                    Some(Reply::Text(id)) => id.clone(),
                    _ => bail!("{}: {key} cannot be read", site.url),
                },
                _ => "0-0".to_owned(),
            },
            other => bail!("{}: {key}: {other:?}", site.url),
        });
    }
    Ok(ends)
}

/// Whether nobody appends there any more; the ends of its logs.
fn standing_still(site: &mut Site, keys: &Keys, name: &Region) -> Result<Vec<String>> {
    let first = ends(site, keys, name)?;
    thread::sleep(STILL);
    let second = ends(site, keys, name)?;
    let moved = first
        .iter()
        .zip(&second)
        .filter(|(one, other)| one != other);
    let moved = moved.count();
    ensure!(
        moved == 0,
        "{name} is still written to ({moved} shards in {} s): stop its edge and its nodes first",
        STILL.as_secs()
    );
    Ok(second)
}

/// Takes a region out for good.
///
/// # Errors
/// When it is still written to, when the others do not read to its end in time, or a Redis is not reached.
pub fn retire(settings: &Settings, args: &Retire) -> Result<String> {
    let name: Region = args
        .name
        .parse()
        .with_context(|| format!("{:?} is no region's name", args.name))?;
    let mut stay = open_all(settings, &args.redis_urls)?;
    let mut own = match &args.of {
        Some(url) => Some(open(settings, Some(url))?),
        None => None,
    };
    let mut keys = keys(settings);
    if let Some(own) = &mut own {
        keys = shards(own, &keys)?;
        let last = standing_still(own, &keys, &name)?;
        let end = Instant::now() + Duration::from_secs(args.wait_s);
        for site in &mut stay {
            wait_for(site, &keys, &name, &last, end)?;
        }
    }
    let line = line_of(&mut stay, &keys, &name)?;
    let mut said = Vec::new();
    for site in stay.iter_mut().chain(&mut own) {
        let state = write(site, &keys, &name, &line)?;
        said.push(format!("{}: {name} is {state}", site.url));
    }
    Ok(said.join("\n"))
}

fn wait_for(
    site: &mut Site,
    keys: &Keys,
    name: &Region,
    last: &[String],
    end: Instant,
) -> Result<()> {
    loop {
        let here = ends(site, keys, name)?;
        let behind = here.iter().zip(last).filter(|(here, last)| here != last);
        let behind = behind.count();
        if behind == 0 {
            return Ok(());
        }
        ensure!(
            Instant::now() < end,
            "{} has not read {name} to its end: {behind} shards are behind. Does its relay run? If what is missing may be \
             lost, use --lost",
            site.url
        );
        thread::sleep(LOOK);
    }
}

/// The region's line as one of the others has it, retired. Its stamp stays: addresses do not change.
fn line_of(sites: &mut [Site], keys: &Keys, name: &Region) -> Result<String> {
    for site in sites {
        if let Reply::Text(text) = site.redis.call(&["HGET", &keys.regions(), name.as_str()])?
            && let Ok(Value::Object(mut line)) = serde_json::from_str::<Value>(&text)
        {
            line.insert("state".to_owned(), "retired".into());
            return Ok(Value::Object(line).to_string());
        }
    }
    bail!("none of these regions knows {name}: its name, or --redis-url, is another")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::redis::tests::with_redis;

    fn url(port: u16) -> String {
        format!("redis://127.0.0.1:{port}")
    }

    fn add_args(name: &str, active: bool, urls: &[String]) -> Add {
        Add {
            name: name.to_owned(),
            edge: "https://api-us.example.com".to_owned(),
            socket: "wss://live-us.example.com".to_owned(),
            active,
            redis_urls: urls.to_vec(),
        }
    }

    fn retire_args(of: Option<String>, urls: &[String], wait_s: u64) -> Retire {
        Retire {
            name: "us".to_owned(),
            lost: of.is_none(),
            of,
            redis_urls: urls.to_vec(),
            wait_s,
        }
    }

    #[test]
    fn a_region_joins_is_active_and_retires_when_all_of_it_was_read() {
        with_redis("unit-test-region-a", |here, settings| {
            with_redis("unit-test-region-b", |there, _| {
                for port in [here.redis, there.redis] {
                    crate::up::redis::fill(port, settings, "ws://local", "http://local").unwrap();
                }
                let (stays, goes) = (url(here.redis), url(there.redis));
                let both = [stays.clone(), goes.clone()];
                let said = add(settings, &add_args("us", false, &both)).unwrap();
                assert!(said.contains("us is joining"), "{said}");
                let said = add(settings, &add_args("us", true, &both)).unwrap();
                assert!(said.contains("us is active"), "{said}");

                // Something lies there that nobody has copied.
                let mut redis = open(settings, Some(&goes)).unwrap().redis;
                redis
                    .call(&["XADD", "tg:{07}:log:us", "5-0", "v", "1"])
                    .unwrap();
                let args = retire_args(Some(goes.clone()), std::slice::from_ref(&stays), 0);
                let error = format!("{:#}", retire(settings, &args).unwrap_err());
                assert!(
                    error.contains("1 shards are behind") && error.contains("--lost"),
                    "{error}"
                );
                let mut redis = open(settings, Some(&stays)).unwrap().redis;
                redis
                    .call(&["XADD", "tg:{07}:log:us", "5-0", "v", "1"])
                    .unwrap();
                let said = retire(settings, &args).unwrap();
                assert_eq!(said.matches("us is retired").count(), 2, "{said}");

                let error = format!(
                    "{:#}",
                    add(settings, &add_args("us", true, &both)).unwrap_err()
                );
                assert!(error.contains("never used again"), "{error}");
            });
        });
    }

    #[test]
    fn a_region_that_burnt_down_is_retired_without_being_asked() {
        with_redis("unit-test-region-lost", |here, settings| {
            crate::up::redis::fill(here.redis, settings, "ws://local", "http://local").unwrap();
            let stays = [url(here.redis)];
            let error = retire(settings, &retire_args(None, &stays, 0)).unwrap_err();
            assert!(
                error.to_string().contains("none of these regions knows us"),
                "{error}"
            );
            add(settings, &add_args("us", true, &stays)).unwrap();
            let said = retire(settings, &retire_args(None, &stays, 0)).unwrap();
            assert!(said.ends_with("us is retired"), "{said}");
        });
    }

    #[test]
    fn what_is_no_name_or_address_is_said() {
        with_redis("unit-test-region-bad", |here, settings| {
            let urls = [url(here.redis)];
            let error = add(settings, &add_args("US", false, &urls)).unwrap_err();
            assert!(error.to_string().contains("no region's name"), "{error}");
            let mut args = add_args("us", false, &urls);
            args.edge = "api.example.com".to_owned();
            let error = add(settings, &args).unwrap_err();
            assert!(error.to_string().contains("https://host"), "{error}");
            // Without the functions nothing is written.
            let error = format!(
                "{:#}",
                add(settings, &add_args("us", false, &urls)).unwrap_err()
            );
            assert!(error.contains("function library"), "{error}");
        });
    }
}
