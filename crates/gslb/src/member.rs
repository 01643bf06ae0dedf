//! One region, as an operator describes it.

use std::net::IpAddr;

use tidegate_stream::Region;

use crate::description::{DescriptionError, Tier, content};
use crate::place::{Net, Place};
use crate::{limits, raw};

/// One region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: Region,
    /// 0: the moving names never lead here.
    pub weight: u32,
    /// Whose viewers come here first; with [`Policy::Geo`](crate::Policy::Geo).
    pub places: Vec<Place>,
    /// Networks whose viewers come here first, whatever their place; with [`Policy::Geo`](crate::Policy::Geo).
    pub nets: Vec<Net>,
    api: Vec<IpAddr>,
    live: Vec<IpAddr>,
}

impl Member {
    /// A tier's addresses, one or more.
    pub fn addresses(&self, tier: Tier) -> &[IpAddr] {
        match tier {
            Tier::Api => &self.api,
            Tier::Live => &self.live,
        }
    }

    /// Reads and checks what an operator wrote of one.
    pub(crate) fn read(raw: raw::Region) -> Result<Member, DescriptionError> {
        let name: Region = match raw.name.parse() {
            Ok(name) => name,
            Err(error) => return content(format!("region {:?}: {error}", raw.name)),
        };
        for (tier, addresses) in [("api", &raw.api), ("live", &raw.live)] {
            if !(1..=limits::ADDRESSES).contains(&addresses.len()) {
                return content(format!(
                    "{name} has {} addresses of {tier}; 1 to {} are needed",
                    addresses.len(),
                    limits::ADDRESSES
                ));
            }
        }
        let mut addresses = raw.api.iter().chain(&raw.live);
        if let Some(address) = addresses.find(|address| address.to_canonical().is_unspecified()) {
            return content(format!("{name}: no client can connect to {address}"));
        }
        if raw.weight > limits::WEIGHT {
            return content(format!(
                "{name} has weight {}; 0 to {} is needed",
                raw.weight,
                limits::WEIGHT
            ));
        }
        if raw.places.len() + raw.nets.len() > limits::PLACES {
            return content(format!(
                "{name} has more than {} places and nets",
                limits::PLACES
            ));
        }
        let named = |error: String| DescriptionError::Content(format!("{name}: {error}"));
        let places = raw.places.iter().map(|place| place.parse::<Place>());
        let nets = raw.nets.iter().map(|net| net.parse::<Net>());
        Ok(Member {
            weight: raw.weight,
            places: places
                .collect::<Result<_, _>>()
                .map_err(|error| named(error.to_string()))?,
            nets: nets
                .collect::<Result<_, _>>()
                .map_err(|error| named(error.to_string()))?,
            api: raw.api,
            live: raw.live,
            name,
        })
    }
}
