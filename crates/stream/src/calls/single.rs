//! Calls of one key or none: `tg_version`, `tg_clock`, `tg_whole`.

use super::error::CallError;
use super::library::Library;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};
use crate::keys::Keys;
use crate::name::Region;
use crate::shard::Shard;

/// Which library lies in Redis. An error [`Fault::NoLibrary`](super::Fault::NoLibrary) means none.
#[derive(Debug, Clone, Copy)]
pub struct Version;

impl Version {
    /// What to send.
    pub fn call() -> FunctionCall {
        FunctionCall::reading("tg_version", vec![], vec![])
    }

    /// What came back.
    ///
    /// # Errors
    /// An answer that is not one.
    pub fn answer(replies: &[Reply]) -> Result<Library, CallError> {
        Answer::begin(replies)?
            .number("version")
            .map(Library::Found)
    }
}

/// Reads Redis' clock, and notes it so that ids stay above it after a restart. Nodes call it each second, on every address.
#[derive(Debug, Clone, Copy)]
pub struct Clock;

impl Clock {
    /// What to send.
    pub fn call(keys: &Keys) -> FunctionCall {
        FunctionCall::writing("tg_clock", vec![keys.clock()], vec![])
    }

    /// What came back: ms.
    ///
    /// # Errors
    /// An answer that is not one.
    pub fn answer(replies: &[Reply]) -> Result<u64, CallError> {
        Answer::begin(replies)?.number("now")
    }
}

/// Says that a shard has got back what other regions had of it, which ends `recovering` as soon as it was said of each
/// active one.
#[derive(Debug, Clone, Copy)]
pub struct Whole;

impl Whole {
    /// What to send.
    ///
    /// `others`: the regions whose copies were compared, 16 at most; none means that nobody's need be.
    pub fn call(keys: &Keys, shard: Shard, others: &[Region]) -> FunctionCall {
        let args = others.iter().map(arg).collect();
        FunctionCall::writing("tg_whole", vec![keys.run(shard)], args)
    }

    /// What came back.
    ///
    /// # Errors
    /// An answer that is not one.
    pub fn answer(replies: &[Reply]) -> Result<(), CallError> {
        Answer::begin(replies)?.number("whole").map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        assert_eq!(Version::answer(&[Reply::Int(1)]), Ok(Library::Found(1)));
        assert_eq!(
            Clock::answer(&[Reply::Bytes(b"1732400000000".to_vec())]),
            Ok(1_732_400_000_000)
        );
        assert_eq!(Whole::answer(&[Reply::Int(1)]), Ok(()));
        assert!(Clock::answer(&[Reply::Nil]).is_err());
    }
}
