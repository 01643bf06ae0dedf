//! Why there is no answer.

use redis::RedisError;
use tidegate_stream::calls::{CallError, Fault, Remedy};

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
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
    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Away(_) => Fault::Closed.remedy(),
            Self::Fault(_, fault) => fault.remedy(),
            Self::Call(_) => Remedy::ForGood,
        }
    }

    /// Whether another try may help, while nobody changes what this process was started with. A password counts: it may be set
    /// in Redis a moment later than here.
    pub fn is_away(&self) -> bool {
        let password = matches!(self, Self::Fault(_, Fault::NoAuth | Fault::WrongPass));
        password
            || matches!(
                self.remedy(),
                Remedy::ConnectAnew | Remedy::Wait | Remedy::Full
            )
    }

    /// Whether Redis neither answers nor would answer a read: it is silent to whoever only listens.
    pub fn is_silent(&self) -> bool {
        match self {
            Self::Away(_) => true,
            Self::Fault(_, fault) => !fault.answers_reads(),
            Self::Call(_) => false,
        }
    }
}

impl From<RedisError> for LinkError {
    fn from(error: RedisError) -> Self {
        let text = error.to_string();
        let broken = error.is_io_error()
            || error.is_timeout()
            || error.is_connection_dropped()
            || error.is_unrecoverable_error();
        match Fault::of(&text) {
            Fault::Closed | Fault::Silent | Fault::Refused if broken => Self::Away(text),
            // Words that nobody knows, but Redis' own.
            Fault::Closed | Fault::Silent => Self::Fault(text, Fault::Refused),
            fault => Self::Fault(text, fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reply: &str) -> LinkError {
        let value = redis::parse_redis_value(format!("-{reply}\r\n").as_bytes());
        value
            .and_then(redis::Value::extract_error)
            .unwrap_err()
            .into()
    }

    #[test]
    fn what_this_client_makes_of_redis_words_is_recognised() {
        for (reply, fault) in [
            (
                "READONLY You can't write against a read only replica.",
                Fault::ReadOnly,
            ),
            ("MASTERDOWN Link with MASTER is down", Fault::MasterDown),
            (
                "LOADING Redis is loading the dataset in memory",
                Fault::Loading,
            ),
            ("CLUSTERDOWN Hash slot not served", Fault::ClusterDown),
            ("MOVED 3999 127.0.0.1:6381", Fault::Moved),
            ("ASK 3999 127.0.0.1:6381", Fault::Ask),
            ("TRYAGAIN Multiple keys request", Fault::TryAgain),
            (
                "NOREPLICAS Not enough good replicas to write.",
                Fault::NoReplicas,
            ),
            ("BUSY Redis is busy running a script.", Fault::Busy),
            (
                "UNKILLABLE Sorry the script already executed",
                Fault::Unkillable,
            ),
            ("OOM command not allowed", Fault::OutOfMemory),
            ("MISCONF Errors writing to the AOF file", Fault::DiskFailed),
            ("NOAUTH Authentication required.", Fault::NoAuth),
            ("WRONGPASS invalid username-password pair", Fault::WrongPass),
            ("NOPERM this user has no permissions", Fault::NoPerm),
            ("WRONGTYPE Operation against a key", Fault::WrongType),
            ("ERR Function not found", Fault::NoLibrary),
            ("ERR syntax error", Fault::Refused),
            ("UNKNOWNCODE of a later version", Fault::Refused),
        ] {
            let error = of(reply);
            assert!(
                matches!(&error, LinkError::Fault(_, found) if *found == fault),
                "{reply}: {error:?}"
            );
        }
    }

    #[test]
    fn what_broke_is_no_word_of_redis() {
        for kind in [
            std::io::ErrorKind::BrokenPipe,
            std::io::ErrorKind::ConnectionRefused,
            std::io::ErrorKind::ConnectionReset,
            std::io::ErrorKind::TimedOut,
            std::io::ErrorKind::UnexpectedEof,
        ] {
            let error = LinkError::from(RedisError::from(std::io::Error::from(kind)));
            assert!(matches!(error, LinkError::Away(_)), "{error:?}");
            assert!(error.is_silent() && error.is_away());
        }
    }

    #[test]
    fn a_redis_that_answers_reads_is_not_silent() {
        let silent = |reply| of(reply).is_silent();
        assert!(!silent("READONLY x") && !silent("NOREPLICAS x") && !silent("OOM x"));
        assert!(silent("LOADING x") && silent("MASTERDOWN x") && silent("BUSY x"));
    }
}
