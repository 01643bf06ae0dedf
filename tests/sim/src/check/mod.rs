//! What always holds, checked from outside.

mod ledger;
mod rest;

pub(crate) use ledger::Ledger;
pub(crate) use rest::rest;
