//! The host as a process, with guests made with spin-sdk.

mod bounds;
mod calls;
mod outbound;
mod starts;
mod support;
