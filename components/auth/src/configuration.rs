//! The variables of this component. They may change at any time, which is seen some seconds later; key sets are parsed once
//! for each text. While they cannot be read, or do not hold, those that were read last serve (`tidegate_variables`).

use std::cell::RefCell;
use std::rc::Rc;
use std::thread::LocalKey;
use std::time::{Duration, Instant};

use spin_sdk::variables::{self, Error};
use tidegate_auth::{KeySet, KeySetError, TicketKeys, example_keys_allowed};
use tidegate_variables::{LastGood, WAIT};

use crate::bindings::exports::tidegate::auth::auth::Refusal;

/// The last text of a variable, and what it was parsed to.
type Parsed<T> = RefCell<Option<(Rc<str>, Rc<T>)>>;

/// How long what was read is kept before the host is asked again. Asking costs more than checking an HMAC.
const FRESH: Duration = Duration::from_secs(5);

thread_local! {
    static JUDGING: RefCell<LastGood<Judging>> = const { RefCell::new(LastGood::new(FRESH)) };
    static TICKETS: RefCell<LastGood<Rc<TicketKeys>>> = const { RefCell::new(LastGood::new(FRESH)) };
    static TOKEN_KEYS: Parsed<KeySet> = const { RefCell::new(None) };
    static FETCHED: RefCell<Vec<(String, Option<Rc<KeySet>>)>> = const { RefCell::new(Vec::new()) };
    static TICKET_KEYS: Parsed<TicketKeys> = const { RefCell::new(None) };
}

/// What tokens are judged by.
#[derive(Clone)]
pub(crate) struct Judging {
    pub(crate) keys: Rc<KeySet>,
    pub(crate) issuer: Rc<str>,
    pub(crate) audience: Rc<str>,
}

impl Judging {
    /// What was read last, unless it is time to read it again.
    pub(crate) fn kept() -> Option<Self> {
        JUDGING.with_borrow(|kept| kept.usable(Instant::now()).cloned())
    }

    /// What was read last, or is read now.
    pub(crate) async fn current() -> Result<Self, Refusal> {
        kept_or_read(&JUDGING, Self::read()).await
    }

    async fn read() -> Result<Self, Refusal> {
        let text = variable("auth_keys").await?;
        let keys = TOKEN_KEYS.with(|kept| parsed("auth_keys", text, kept, KeySet::parse))?;
        refuse_examples("auth_keys", keys.is_example()).await?;
        Ok(Self {
            keys,
            issuer: variable("auth_issuer").await?,
            audience: variable("auth_audience").await?,
        })
    }
}

/// Fetched sets that are taken in one call, and remembered, at most: today's address has one, and an old one may be in use
/// still by another request.
const FETCHED_SETS: usize = 4;

/// Keys that were fetched. A set without a key that can be used counts as none: the caller may be served by another.
pub(crate) fn fetched(texts: Vec<String>) -> Vec<Rc<KeySet>> {
    FETCHED.with_borrow_mut(|kept| {
        let texts = texts.into_iter().take(FETCHED_SETS);
        texts
            .filter_map(|text| {
                if let Some((_, set)) = kept.iter().find(|(old, _)| *old == text) {
                    return set.clone();
                }
                let set = KeySet::parse_fetched(&text).ok().map(Rc::new);
                if kept.len() == FETCHED_SETS {
                    kept.remove(0);
                }
                kept.push((text, set.clone()));
                set
            })
            .collect()
    })
}

/// The keys of tickets.
pub(crate) async fn ticket_keys() -> Result<Rc<TicketKeys>, Refusal> {
    let read = async {
        let text = variable("ticket_keys").await?;
        let keys = TICKET_KEYS.with(|kept| parsed("ticket_keys", text, kept, TicketKeys::parse))?;
        refuse_examples("ticket_keys", keys.is_example()).await?;
        Ok(keys)
    };
    kept_or_read(&TICKETS, read).await
}

/// What is kept, or what is read now; where that fails, what was read last.
async fn kept_or_read<T: Clone>(
    kept: &'static LocalKey<RefCell<LastGood<T>>>,
    read: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Refusal> {
    let alarm = async {
        spin_sdk::time::sleep(WAIT).await;
        Refusal::Unavailable(format!("the variables were not read within {WAIT:?}"))
    };
    tidegate_variables::current(kept, Instant::now, read, alarm, log).await
}

fn log(refusal: &Refusal) {
    if let Refusal::NotConfigured(why) | Refusal::Unavailable(why) = refusal {
        eprintln!(
            "{}",
            serde_json::json!({
                "level": "error",
                "message": "keys were not read anew; the last good ones serve",
                "detail": why,
            })
        );
    }
}

/// A variable that must have a value, as the host has it now.
async fn variable(name: &str) -> Result<Rc<str>, Refusal> {
    match variables::get(name).await {
        Ok(value) if !value.is_empty() => Ok(value.into()),
        Ok(_) => Err(Refusal::NotConfigured(format!(
            "the variable `{name}` is empty"
        ))),
        Err(error @ (Error::Undefined(_) | Error::InvalidName(_))) => Err(Refusal::NotConfigured(
            format!("the variable `{name}`: {error}"),
        )),
        Err(error) => Err(Refusal::Unavailable(format!(
            "the variable `{name}`: {error}"
        ))),
    }
}

fn parsed<T>(
    name: &str,
    text: Rc<str>,
    kept: &Parsed<T>,
    parse: fn(&str) -> Result<T, KeySetError>,
) -> Result<Rc<T>, Refusal> {
    if let Some((old, value)) = &*kept.borrow()
        && *old == text
    {
        return Ok(Rc::clone(value));
    }
    let value = Rc::new(
        parse(&text)
            .map_err(|error| Refusal::NotConfigured(format!("the variable `{name}`: {error}")))?,
    );
    *kept.borrow_mut() = Some((text, Rc::clone(&value)));
    Ok(value)
}

async fn refuse_examples(name: &str, is_example: bool) -> Result<(), Refusal> {
    if is_example && !example_keys_allowed(&variable("redis_url").await?) {
        return Err(Refusal::NotConfigured(format!(
            "the variable `{name}` holds the example's keys, which anybody may know; they are taken only while \
             `redis_url` is on loopback: make your own"
        )));
    }
    Ok(())
}
