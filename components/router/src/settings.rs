//! The settings, read from variables and kept: they change with a deployment, or by a provider of secrets within a minute.
//! While they cannot be read, or do not hold, those that were read last serve (`tidegate_variables`).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use spin_sdk::variables::{self, Error};
use tidegate_api::{Refusal, Settings};
use tidegate_variables::{LastGood, WAIT};

use crate::log;

/// How long settings are kept before the variables are asked again.
const FRESH: Duration = Duration::from_secs(60);

thread_local! {
    static SETTINGS: RefCell<LastGood<Rc<Settings>>> = const { RefCell::new(LastGood::new(FRESH)) };
}

/// The settings that were read last, if any.
pub(crate) fn kept() -> Option<Rc<Settings>> {
    SETTINGS.with_borrow(|kept| kept.last().cloned())
}

/// The settings.
///
/// # Errors
/// [`Refusal::SettingsAway`] and [`Refusal::NotConfigured`], where none serve in their place.
pub(crate) async fn current() -> Result<Rc<Settings>, Refusal> {
    let alarm = async {
        spin_sdk::time::sleep(WAIT).await;
        Refusal::SettingsAway(format!("the variables were not read within {WAIT:?}"))
    };
    tidegate_variables::current(&SETTINGS, Instant::now, read(), alarm, |refusal| {
        log::settings(refusal.log_detail().unwrap_or_default());
    })
    .await
}

async fn read() -> Result<Rc<Settings>, Refusal> {
    let mut values = BTreeMap::new();
    for name in tidegate_api::settings::NAMES {
        match variables::get(name).await {
            Ok(value) => drop(values.insert(name, value)),
            // `Settings` says that it has no value.
            Err(Error::Undefined(_)) => {}
            Err(error) => {
                return Err(Refusal::SettingsAway(format!(
                    "the variable `{name}`: {error}"
                )));
            }
        }
    }
    Settings::read(&values)
        .map(Rc::new)
        .map_err(|error| Refusal::NotConfigured(error.to_string()))
}
