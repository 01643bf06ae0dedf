//! The variables of this component, read once a minute; while they cannot be read, those that were read last serve.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use spin_sdk::variables::{self, Error};
use tidegate_auth::issuer;
use tidegate_variables::{LastGood, WAIT};

use crate::answer::Refusal;

/// How long settings are kept before the variables are asked again.
const FRESH: Duration = Duration::from_secs(60);

thread_local! {
    static SETTINGS: RefCell<LastGood<Rc<Settings>>> = const { RefCell::new(LastGood::new(FRESH)) };
}

/// What this handler is told.
pub(crate) struct Settings {
    /// The region that Redis is of.
    pub(crate) region: String,
    /// Redis, with its credentials if there are any. Never logged.
    pub(crate) redis_url: String,
    /// What Tidegate's keys begin with.
    pub(crate) prefix: String,
    /// Where the issuer publishes its keys, if it does.
    pub(crate) jwks_url: Option<String>,
}

impl Settings {
    /// Those that were read last, or are read now.
    pub(crate) async fn current() -> Result<Rc<Self>, Refusal> {
        let alarm = async {
            spin_sdk::time::sleep(WAIT).await;
            Refusal::Away("the variables were not read in time".to_owned())
        };
        let read = async { Self::read().await.map(Rc::new) };
        tidegate_variables::current(&SETTINGS, Instant::now, read, alarm, Refusal::log).await
    }

    async fn read() -> Result<Self, Refusal> {
        let (origin, path) = (variable("jwks_origin").await?, variable("jwks_path").await?);
        Ok(Self {
            region: variable("region").await?,
            redis_url: with_auth(variable("redis_url").await?, &variable("redis_auth").await?),
            prefix: variable("prefix").await?,
            jwks_url: issuer::url(&origin, &path)
                .map_err(|why| Refusal::Fault(format!("jwks_origin, jwks_path: {why}")))?,
        })
    }
}

async fn variable(name: &str) -> Result<String, Refusal> {
    let why = |error: Error| format!("the variable `{name}`: {error}");
    match variables::get(name).await {
        Ok(value) => Ok(value),
        Err(error @ (Error::Undefined(_) | Error::InvalidName(_))) => {
            Err(Refusal::Fault(why(error)))
        }
        // Its provider is away.
        Err(error) => Err(Refusal::Away(why(error))),
    }
}

/// The credentials stand in a variable of their own: the address is also the host that the manifest allows, where they have
/// no place.
fn with_auth(url: String, auth: &str) -> String {
    match auth {
        "" => url,
        auth => url.replacen("://", &format!("://{auth}@"), 1),
    }
}
