//! The host as a process, with guests made with spin-sdk.

mod bounds;
mod calls;
mod composed;
mod outbound;
mod outgoing;
mod provider;
mod starts;
mod support;
mod upstream;
