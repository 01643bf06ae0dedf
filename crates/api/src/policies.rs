//! How much each is allowed, what calls cost, and what holds when nobody can say.

use std::collections::BTreeMap;
use std::str::FromStr;

use tidegate_limit::Policy;

use crate::kind::CallKind;

/// How much each is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies {
    /// Requests of an address.
    pub ip: Policy,
    /// Writes of a subject, in one room.
    pub user: Policy,
    /// Messages into a room, services' not counted.
    pub room: Policy,
    /// Requests of a service.
    pub service: Policy,
    /// Calls of one kind by one caller, for the kinds that have such a limit. Services are not counted.
    pub routes: BTreeMap<CallKind, Policy>,
    /// Units of a call, for the kinds that do not cost one.
    pub costs: BTreeMap<CallKind, u32>,
}

impl Policies {
    /// Units that a call costs.
    pub fn cost(&self, kind: CallKind) -> u32 {
        self.costs.get(&kind).copied().unwrap_or(1)
    }

    /// Checks that each call can be met by every limit that counts it.
    ///
    /// # Errors
    /// A sentence about the first cost that is 0 or above a burst.
    pub fn check_costs(&self) -> Result<(), String> {
        for (kind, cost) in &self.costs {
            let everybodys = [
                ("limit_ip", self.ip),
                ("limit_user", self.user),
                ("limit_room", self.room),
                ("limit_service", self.service),
            ];
            let own = self.routes.get(kind).map(|own| ("limit_routes", *own));
            for (name, policy) in everybodys.into_iter().chain(own) {
                policy
                    .numbers(*cost)
                    .map_err(|error| format!("`{kind}` under `{name}`: {error}"))?;
            }
        }
        Ok(())
    }
}

/// What becomes of calls while the Redis that counts them is out of reach or full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenAway {
    /// They are refused (503).
    Closed,
    /// A tenth of each limit passes, counted in the instance's own memory.
    Open,
}

impl FromStr for WhenAway {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "closed" => Ok(Self::Closed),
            "open" => Ok(Self::Open),
            _ => Err("write open or closed"),
        }
    }
}
