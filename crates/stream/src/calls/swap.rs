//! `tg_swap`: a state that edges share and one of them changes, unless another was faster.

use super::error::CallError;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};

/// Puts a text in the place of another, if that is still there.
#[derive(Debug, Clone, Copy)]
pub struct Swap<'a> {
    /// A key of [`Keys::pool`](crate::Keys::pool).
    pub key: &'a str,
    /// What is taken to be there; empty for nothing.
    pub expected: &'a str,
    /// What is to be there; empty for nothing.
    pub new: &'a str,
    /// How long it lies there, in ms, at least 1.
    pub lasting_ms: u64,
}

/// What a swap came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swapped {
    /// It was put there.
    Done,
    /// Something else was there, and still is.
    Other(String),
}

impl Swap<'_> {
    /// What to send.
    pub fn call(&self) -> FunctionCall {
        FunctionCall::writing(
            "tg_swap",
            vec![self.key.to_owned()],
            vec![arg(self.expected), arg(self.new), arg(self.lasting_ms)],
        )
    }

    /// What came back.
    ///
    /// # Errors
    /// An answer that is not one.
    pub fn answer(replies: &[Reply]) -> Result<Swapped, CallError> {
        let mut answer = Answer::begin(replies)?;
        match answer.text("swapped")? {
            "swapped" => Ok(Swapped::Done),
            "other" => Ok(Swapped::Other(answer.text("what is there")?.to_owned())),
            _ => Err(CallError::Malformed("swapped")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let text = |text: &str| Reply::Bytes(text.as_bytes().to_vec());
        assert_eq!(Swap::answer(&[text("swapped")]), Ok(Swapped::Done));
        assert_eq!(
            Swap::answer(&[text("other"), text("1 x")]),
            Ok(Swapped::Other("1 x".to_owned()))
        );
        assert!(Swap::answer(&[text("other")]).is_err());
        assert!(Swap::answer(&[Reply::Int(1)]).is_err());
    }
}
