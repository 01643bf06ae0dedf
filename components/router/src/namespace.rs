//! Settings of namespaces, as they lie in Redis, kept for a moment.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use component_link::shared;
use tidegate_api::{Refusal, Settings};
use tidegate_room::NamespaceSettings;
use tidegate_stream::RoomId;

use crate::bindings::tidegate::rooms::rooms;
use crate::{convert, log};

/// How long settings are kept before Redis is asked again.
const KEPT: Duration = Duration::from_secs(5);
/// Namespaces that are remembered, at most.
const NAMESPACES: usize = 256;

#[derive(Clone)]
struct Known {
    asked: Instant,
    settings: Rc<NamespaceSettings>,
}

thread_local! {
    static KNOWN: RefCell<HashMap<String, Known>> = RefCell::new(HashMap::new());
}

/// The settings of a room's namespace. Where there are none, nothing is set. Those that do not hold leave the last good ones
/// in force; without any, what needs them is refused.
pub(crate) async fn of(
    settings: &Settings,
    room: &RoomId,
) -> Result<Rc<NamespaceSettings>, Refusal> {
    let name = room.namespace();
    let fresh = || {
        known(name)
            .filter(|known| known.asked.elapsed() < KEPT)
            .map(|known| known.settings)
    };
    shared(&format!("namespace {name}"), fresh, read(settings, name)).await
}

/// What was read last of a namespace.
fn known(name: &str) -> Option<Known> {
    KNOWN.with_borrow(|all| all.get(name).cloned())
}

async fn read(settings: &Settings, name: &str) -> Result<Rc<NamespaceSettings>, Refusal> {
    let asked = Instant::now();
    let found = rooms::namespace(convert::place(settings), name.to_owned())
        .await
        .map_err(convert::refusal)?;
    let settings = match found {
        None => Rc::default(),
        Some((version, body)) => match (NamespaceSettings::read(&body), known(name)) {
            (Ok(settings), _) => Rc::new(settings),
            (Err(error), before) => {
                log::namespace(name, &version, &error.to_string());
                match before {
                    Some(known) => known.settings,
                    None => {
                        return Err(Refusal::NotConfigured(format!(
                            "the settings of the namespace `{name}`, version {version}: {error}"
                        )));
                    }
                }
            }
        },
    };
    KNOWN.with_borrow_mut(|all| {
        if all.len() >= NAMESPACES && !all.contains_key(name) {
            all.clear();
        }
        let settings = Rc::clone(&settings);
        all.insert(name.to_owned(), Known { asked, settings });
    });
    Ok(settings)
}
