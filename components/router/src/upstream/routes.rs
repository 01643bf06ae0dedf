//! The configured routes, read from `tg:routes` and kept for a short while.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use component_link::{Again, LinkError, shared};
use tidegate_api::{Refusal, Settings};
use tidegate_stream::calls::Reply;
use tidegate_upstream::{Config, ConfigError};

use super::keys::keys;
use crate::log;

/// How long routes are kept before Redis is asked for their version again.
const KEPT: Duration = Duration::from_secs(5);

struct Held {
    asked: Instant,
    /// What was last seen there, taken or not; empty for nothing.
    version: String,
    config: Rc<Config>,
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// The routes. While Redis is out of reach, those that were read last. One request of an instance reads them and the others
/// wait: thousands of routes are up to a megabyte to fetch and to check.
pub(crate) async fn current(settings: &Settings) -> Result<Rc<Config>, Refusal> {
    let fresh = || {
        HELD.with_borrow(|held| {
            let held = held.as_ref()?;
            (held.asked.elapsed() < KEPT).then(|| Rc::clone(&held.config))
        })
    };
    shared("routes", fresh, look(settings)).await
}

async fn look(settings: &Settings) -> Result<Rc<Config>, Refusal> {
    let held = HELD.with_borrow(|held| {
        held.as_ref()
            .map(|held| (held.version.clone(), Rc::clone(&held.config)))
    });
    let asked = Instant::now();
    let (version, config) = match held {
        Some((version, config)) => renew(settings, version, config).await,
        None => first(settings).await?,
    };
    HELD.set(Some(Held {
        asked,
        version,
        config: Rc::clone(&config),
    }));
    Ok(config)
}

/// What there is to use, when something has been read before: a configuration that is refused, or a Redis that is away,
/// changes nothing.
async fn renew(settings: &Settings, version: String, config: Rc<Config>) -> (String, Rc<Config>) {
    let there = match read(settings, &["version"]).await {
        Ok(fields) => fields.into_iter().next().unwrap_or_default(),
        Err(_) => return (version, config),
    };
    if there == version {
        return (version, config);
    }
    match read(settings, &["version", "body", "good_version"])
        .await
        .as_deref()
    {
        Ok([there, body, good]) => match parse(body) {
            Ok(new) => {
                note_good(settings, there, body, good).await;
                (there.clone(), Rc::new(new))
            }
            Err(error) => {
                log::routes(there, &error);
                (there.clone(), config)
            }
        },
        _ => (version, config),
    }
}

/// What there is to use, when nothing has been read before. In the place of a configuration that is refused comes the last
/// that an edge has taken.
async fn first(settings: &Settings) -> Result<(String, Rc<Config>), Refusal> {
    let fields = read(settings, &["version", "body", "good_version"])
        .await
        .map_err(refusal)?;
    let [version, body, good] = fields.as_slice() else {
        return Err(Refusal::Fault(
            "HMGET answered another number of fields".to_owned(),
        ));
    };
    let error = match parse(body) {
        Ok(config) => {
            note_good(settings, version, body, good).await;
            return Ok((version.clone(), Rc::new(config)));
        }
        Err(error) => error,
    };
    log::routes(version, &error);
    let fields = read(settings, &["good_body"]).await.map_err(refusal)?;
    match fields.first().map(|body| (body.is_empty(), parse(body))) {
        Some((false, Ok(config))) => Ok((version.clone(), Rc::new(config))),
        _ => Err(Refusal::NotConfigured(format!(
            "the routes in Redis, version {version}, are refused, and no earlier ones are there: {error}"
        ))),
    }
}

fn parse(body: &str) -> Result<Config, ConfigError> {
    match body {
        "" => Ok(Config::default()),
        body => Config::parse(body),
    }
}

/// Keeps what was taken beside what is there, for instances that start after a bad one was written.
async fn note_good(settings: &Settings, version: &str, body: &str, known: &str) {
    if body.is_empty() || known == version {
        return;
    }
    let key = keys(settings).routes();
    let words = [&key, "good_version", version, "good_body", body].map(str::as_bytes);
    if let Err(error) =
        component_link::command(&settings.redis_url, "HSET", &words, Again::Harmless).await
    {
        log::link("the routes that were taken could not be noted", &error);
    }
}

/// Fields of `tg:routes`, empty where they are not there.
async fn read(settings: &Settings, names: &[&str]) -> Result<Vec<String>, LinkError> {
    let key = keys(settings).routes();
    let words: Vec<&[u8]> = std::iter::once(key.as_str())
        .chain(names.iter().copied())
        .map(str::as_bytes)
        .collect();
    let replies =
        component_link::command(&settings.redis_url, "HMGET", &words, Again::Harmless).await?;
    let text = |reply: Reply| match reply {
        // What is no text is no configuration either, and is refused as one.
        Reply::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Reply::Status(text) => text,
        Reply::Nil | Reply::Int(_) => String::new(),
    };
    Ok(replies.into_iter().map(text).collect())
}

fn refusal(error: LinkError) -> Refusal {
    match error {
        LinkError::Unreachable(why) | LinkError::NotServing(why) => Refusal::Away(why),
        LinkError::Full => Refusal::Full,
        LinkError::Library(what_to_do) => Refusal::Library(what_to_do),
        LinkError::Fault(why) => Refusal::Fault(why),
    }
}
