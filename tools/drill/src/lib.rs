//! Drills: viewers and publishers of several regions, what they were promised and what they got.
//!
//! `cargo xtask drill` starts regions, runs this beside them, and breaks things. The two speak in lines of JSON
//! ([`script`]). What is decided is apart from what is done: [`ledger`] compares what was acknowledged with what arrived,
//! [`course`] says where a viewer turns next, [`promise`] which promises a report breaks, [`outage`] what a Redis that failed has cost, [`mod@line`] when
//! what is sent between regions may arrive; [`forward`] holds it back so long. [`crowd`] is for the drills of one region:
//! thousands of viewers in one thread, who are slow, leave, are sent away, or come back all at once.

pub mod course;
pub mod crowd;
pub mod director;
pub mod dns;
pub mod figures;
pub mod forward;
pub mod ledger;
pub mod line;
pub mod listing;
pub mod logs;
pub mod newcomer;
pub mod outage;
pub mod promise;
pub mod publisher;
pub mod random;
pub mod report;
pub mod run;
pub mod script;
pub mod shared;
pub mod viewer;
