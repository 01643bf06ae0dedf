//! Calls that go on to an upstream: which one, whether it is asked at all, what is sent and what comes back. No I/O.
//!
//! [`Config`] is what `tg:routes` holds: routes, and pools of upstreams. A route names a pool; [`Pool::choose`] picks one of
//! its upstreams; [`Breaker`] says whether it may be asked, and is told how it went; [`headers`] says what passes; when
//! nothing good comes back, [`degrade`] says what the caller gets instead.

pub mod allowed;
pub mod attempt;
pub mod breaker;
pub mod config;
pub mod degrade;
pub mod headers;
pub mod limits;
pub mod nodes;
pub mod origin;
pub mod pool;
pub mod shared;
pub mod stale;

pub use allowed::Allowed;
pub use breaker::{Breaker, Outcome, Permit, Rules};
pub use config::{Config, ConfigError, Identity, Route};
pub use origin::Origin;
pub use pool::{Balance, LoadSource, Member, Pool};
pub use shared::{Load, PoolState};
