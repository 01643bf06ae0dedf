//! Why there is no answer.

use redis::RedisError;
use tidegate_stream::calls::{CallError, Fault};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Redis is out of reach, or did not answer in time.
    #[error("Redis is out of reach: {0}")]
    Away(String),
    /// Redis answered with an error.
    #[error("Redis refused ({1:?}): {0}")]
    Fault(String, Fault),
    /// A function refused, or its answer cannot be read.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl LinkError {
    /// Whether another try may help.
    pub fn is_away(&self) -> bool {
        matches!(
            self,
            Self::Away(_) | Self::Fault(_, Fault::NotReady | Fault::Full)
        )
    }
}

impl From<RedisError> for LinkError {
    fn from(error: RedisError) -> Self {
        let text = error.to_string();
        if is_broken(&error) {
            Self::Away(text)
        } else {
            let fault = Fault::of(&text);
            Self::Fault(text, fault)
        }
    }
}

/// Whether the connection can no longer be used.
pub fn is_broken(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
}
