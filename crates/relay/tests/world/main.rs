//! A pair against a source, a copy and connections that break, as told by random histories.

mod copy;
mod histories;
mod takeback;
