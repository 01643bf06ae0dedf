//! What viewers are given, held against everything that was appended.

use tidegate_protocol::level::of_chat;
use tidegate_stream::{Cursor, Region, StreamId};

use super::ledger::{Given, Ledger, site_of};
use crate::world::{NAMES, Viewer};

/// By how much a viewer's position goes on.
#[derive(Clone, Copy)]
struct Step<'a> {
    origin: &'a Region,
    to: StreamId,
    /// The region of the node that says so.
    site: usize,
    /// What may be missing, since that was said.
    without: Without,
    /// What lies there is a message that it is given.
    message: bool,
}

/// What a frame may be without.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    /// All chat.
    Chat,
    /// Chat that is not kept at this level.
    Below(u8),
}

/// A frame, as far as it is held against the logs.
pub(crate) struct Batch<'a> {
    /// The region of the node that sent it.
    pub(crate) site: usize,
    /// Its messages, and whether each is chat.
    pub(crate) ids: &'a [(Region, StreamId, bool)],
    /// The cursor after them.
    pub(crate) to: &'a Cursor,
    /// How many were left out, if that is known.
    pub(crate) left_out: Option<u64>,
}

impl Batch<'_> {
    fn without(&self) -> Without {
        match self.left_out {
            None => Without::Chat,
            Some(0) => Without::Nothing,
            Some(_) => {
                let chat = self.ids.iter().filter(|(_, _, chat)| *chat);
                let levels = chat.map(|(origin, id, _)| of_chat(origin, *id));
                // What the highest level keeps is never left out.
                Without::Below(levels.min().unwrap_or(tidegate_protocol::level::HIGHEST))
            }
        }
    }
}

impl Ledger {
    /// A viewer was given messages, and a cursor after them.
    pub(crate) fn batch(
        &self,
        viewer: &mut Viewer,
        index: usize,
        batch: &Batch<'_>,
    ) -> Result<(), String> {
        let (site, ids, to, without) = (batch.site, batch.ids, batch.to, batch.without());
        let mut missing = 0;
        let mut at = match viewer.at.take() {
            Some(at) => at,
            None if ids.is_empty() => to.clone(),
            None => return Err(format!("viewer {index}: live begins with messages")),
        };
        for (origin, id, _) in ids {
            if !viewer.seen.entry(origin.clone()).or_default().insert(*id) {
                return Err(format!("viewer {index} has {origin}-{id} again"));
            }
            if viewer.seen[origin].last() != Some(id) {
                return Err(format!("viewer {index} has {origin}-{id} out of order"));
            }
            missing += self
                .pass(
                    viewer,
                    &at,
                    Step {
                        origin,
                        to: *id,
                        site,
                        without,
                        message: true,
                    },
                )
                .map_err(|what| format!("viewer {index}: {what}"))?;
            at.set(origin.clone(), *id);
        }
        // A component that is missing is `0-0`.
        let mut origins: Vec<&Region> = at
            .iter()
            .chain(to.iter())
            .map(|(origin, _)| origin)
            .collect();
        origins.sort_unstable();
        origins.dedup();
        for origin in origins {
            let id = to.get(origin);
            // A viewer who lags may be given a position that lies before one that it had. Between both is nothing of its
            // room, or it would be given that again.
            let seen = viewer.seen.get(origin).and_then(|seen| seen.last());
            if id < at.get(origin) && seen.is_some_and(|seen| id < *seen) {
                return Err(format!(
                    "viewer {index}: its cursor goes back to {to:?} from {at:?}"
                ));
            }
            missing += self
                .pass(
                    viewer,
                    &at,
                    Step {
                        origin,
                        to: id,
                        site,
                        without,
                        message: false,
                    },
                )
                .map_err(|what| format!("viewer {index}: {what}"))?;
        }
        if batch.left_out.is_some_and(|count| missing > count) {
            return Err(format!(
                "viewer {index}: {missing} are missing, which is said of {:?}",
                batch.left_out
            ));
        }
        viewer.at = Some(to.clone());
        Ok(())
    }

    /// A viewer was told that history is missing.
    pub(crate) fn reset(
        &self,
        viewer: &mut Viewer,
        index: usize,
        to: &Cursor,
    ) -> Result<(), String> {
        if let Some(at) = &viewer.at
            && !to.covers(at)
        {
            return Err(format!(
                "viewer {index}: a reset back to {to:?} from {at:?}"
            ));
        }
        viewer.at = Some(to.clone());
        Ok(())
    }

    /// Refuses a step by which a viewer would miss something that was not said. Gives how many it is without.
    fn pass(&self, viewer: &Viewer, at: &Cursor, step: Step<'_>) -> Result<u64, String> {
        let unsaid = |given: &&Given| match step.without {
            Without::Nothing => true,
            Without::Chat => !given.is_chat(),
            Without::Below(level) => {
                !given.is_chat() || of_chat(step.origin, given.entry.id) >= level
            }
        };
        match self.missing(viewer, at, step).find(unsaid) {
            Some(given) => Err(format!(
                "{}-{} ({}) is missing between {} and {}",
                step.origin,
                given.entry.id,
                given.entry.kind,
                at.get(step.origin),
                step.to
            )),
            None => Ok(self.missing(viewer, at, step).count() as u64),
        }
    }

    /// The entries of a viewer's room that it does not get.
    fn missing<'l>(
        &'l self,
        viewer: &'l Viewer,
        at: &Cursor,
        step: Step<'l>,
    ) -> impl Iterator<Item = &'l Given> {
        let number = site_of(step.origin.as_str());
        let from = at.get(step.origin);
        // A position that goes back, or not on, passes over nothing.
        let to = step.to.max(from);
        self.logs
            .iter()
            .filter(move |((_, known), _)| Some(*known) == number)
            .flat_map(move |(_, log)| log.entries.range(from..=to).map(|(_, given)| given))
            .filter(move |given| {
                let id = given.entry.id;
                given.entry.room.as_ref() == Some(&viewer.room)
                    && given.entry.kind.lane().is_some()
                    && id > from
                    && !(step.message && id == step.to)
                    && (given.here || (Some(step.site) != number && given.copies[step.site]))
            })
    }

    /// What a viewer in a region still lacks when nothing moves any more.
    pub(crate) fn behind(&self, viewer: &Viewer, site: usize) -> Option<String> {
        let at = viewer.at.as_ref()?;
        let most = StreamId {
            ms: u64::MAX,
            seq: u64::MAX,
        };
        NAMES[..self.sites].iter().find_map(|name| {
            let origin = name.parse().expect("that is a name");
            let step = Step {
                origin: &origin,
                to: most,
                site,
                without: Without::Nothing,
                message: false,
            };
            self.missing(viewer, at, step)
                .next()
                .map(|given| format!("{name}-{} ({})", given.entry.id, given.entry.kind))
        })
    }
}
