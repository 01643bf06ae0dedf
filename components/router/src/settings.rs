//! The settings, read from variables and kept: they change with a deployment, or by a provider of secrets within a minute.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use spin_sdk::variables;
use tidegate_api::{Refusal, Settings};

/// How long settings are kept before the variables are asked again.
const KEPT: Duration = Duration::from_secs(60);

thread_local! {
    static SETTINGS: RefCell<Option<(Instant, Rc<Settings>)>> = const { RefCell::new(None) };
}

/// The settings that were read last, if any.
pub(crate) fn kept() -> Option<Rc<Settings>> {
    SETTINGS.with_borrow(|kept| kept.as_ref().map(|(_, settings)| Rc::clone(settings)))
}

/// The settings.
pub(crate) async fn current() -> Result<Rc<Settings>, Refusal> {
    let fresh = SETTINGS.with_borrow(|kept| {
        kept.as_ref()
            .filter(|(since, _)| since.elapsed() < KEPT)
            .map(|(_, settings)| Rc::clone(settings))
    });
    if let Some(settings) = fresh {
        return Ok(settings);
    }
    let mut values = BTreeMap::new();
    for name in tidegate_api::settings::NAMES {
        if let Ok(value) = variables::get(name).await {
            values.insert(name, value);
        }
    }
    let settings = Settings::read(&values)
        .map(Rc::new)
        .map_err(|error| Refusal::NotConfigured(error.to_string()))?;
    SETTINGS.set(Some((Instant::now(), Rc::clone(&settings))));
    Ok(settings)
}
