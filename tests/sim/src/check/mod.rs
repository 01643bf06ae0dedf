//! What always holds, checked from outside.

mod ledger;
mod rest;
mod viewers;

pub(crate) use ledger::Ledger;
pub(crate) use rest::rest;
pub(crate) use viewers::Batch;
