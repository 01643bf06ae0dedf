//! The decisions of a fan-out core, without I/O: rooms with rings and positions, subscriptions, replay and hand-over,
//! what goes into which frame and when.
//!
//! A [`Hub`] is one core's. It is told what the tail read ([`Hub::take`]), who comes and goes, what a read of history
//! found; it offers frames to connections through a [`Sink`], and leaves what else is to be done as [`Action`]s.
//! Times are arguments: `now_ms` of a clock that does not go back, `clock_ms` of Redis'.

mod access;
mod admission;
mod budget;
mod encode;
mod feed;
mod flush;
mod frames;
mod gather;
mod hub;
mod join;
mod limits;
mod live;
mod mend;
mod message;
mod open;
mod origins;
mod pace;
mod replay;
mod ring;
mod room;
mod stop;
mod strain;
mod subscription;
mod tally;

#[cfg(test)]
mod lanes_tests;
#[cfg(test)]
mod lost_tests;
#[cfg(test)]
mod model;
#[cfg(test)]
mod regions_tests;
#[cfg(test)]
mod testing;

pub use admission::{Admission, Pressure};
pub use encode::{Encoding, Frame};
pub use frames::LEVELS;
pub use gather::Gather;
pub use hub::{Action, Hub, HubLimits, Offered, Reader, RoomRef, Sink, Stats, Times};
pub use join::Subscribe;
pub use limits::{
    ADMITTED_PER_S, ADMITTED_TLS_PER_S, CHAT_BUDGET, CHECKED, DRAIN_WAIT_MS, PROBED_PER_S,
    RING_BYTES, SLICE, TICK_CEILING_MS,
};
pub use message::{LogEntry, Message, Order, Says};
pub use origins::Departed;
pub use replay::OriginPage;
pub use stop::{Stage, Stop};
pub use strain::Sampled;
pub use subscription::{SubRef, ViewerKey, Who};
pub use tally::Tally;
