//! The function library on a real Redis, driven through the calls of `tidegate-stream`.

mod control;
mod counters;
mod full;
mod layout;
mod limit;
mod listing;
mod model;
mod nodes;
mod publish;
mod read;
mod refusals;
mod relayed;
mod restart;
mod rules;
mod site;
mod swap;
