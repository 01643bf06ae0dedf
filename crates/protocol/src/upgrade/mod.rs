//! The HTTP/1.1 side of the viewers' listener: one request a connection, then frames or events.
//!
//! `GET /v1/connect` upgrades to a WebSocket, `GET /v1/rooms/{room}/events` answers with server-sent events, `/healthz` and
//! `/readyz` are for balancers and monitors. Anything else is refused with problem+json, and the connection ends.

mod answer;
mod extensions;
mod headers;
mod origins;
mod probe;
mod refusal;
mod request;
mod target;

pub use origins::{AllowedOrigin, Origins, OriginsError};
pub use probe::{ALIVE, Probe, Question, Readiness};
pub use refusal::{Refusal, Refused};
pub use request::{Connect, Events, Parsed, Request, parse, probe};
