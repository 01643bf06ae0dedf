//! Answers as they come: one flat list, whichever client brought it.

use std::str::FromStr;

use super::error::{CallError, Refusal};

/// One element of an answer. Spin's outbound Redis hands nested lists over flattened; a native client's are flattened
/// by whoever uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nil,
    /// A status line.
    Status(String),
    /// An integer.
    Int(i64),
    /// A string of bytes.
    Bytes(Vec<u8>),
}

impl Reply {
    fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Status(text) => Some(text.as_bytes()),
            Self::Nil | Self::Int(_) => None,
        }
    }
}

/// Reads an answer from its beginning. Every step says what it looked for when it does not find it.
pub(super) struct Answer<'a> {
    left: &'a [Reply],
}

impl<'a> Answer<'a> {
    /// Begins, unless the answer is a refusal or the word that the arguments were bad.
    pub(super) fn begin(replies: &'a [Reply]) -> Result<Self, CallError> {
        let mut answer = Self { left: replies };
        if replies.first().and_then(Reply::as_bytes) != Some(b"refused") {
            return Ok(answer);
        }
        answer.left = &replies[1..];
        let code = answer.text("code")?.to_owned();
        if code == "bad_call" {
            return Err(CallError::BadCall(answer.text("reason")?.to_owned()));
        }
        let seconds = answer.number("seconds")?;
        Err(CallError::Refused(Refusal::of(&code, seconds)))
    }

    pub(super) fn is_over(&self) -> bool {
        self.left.is_empty()
    }

    fn next(&mut self, what: &'static str) -> Result<&'a Reply, CallError> {
        let (first, left) = self.left.split_first().ok_or(CallError::Malformed(what))?;
        self.left = left;
        Ok(first)
    }

    pub(super) fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], CallError> {
        self.next(what)?
            .as_bytes()
            .ok_or(CallError::Malformed(what))
    }

    pub(super) fn text(&mut self, what: &'static str) -> Result<&'a str, CallError> {
        std::str::from_utf8(self.bytes(what)?).map_err(|_| CallError::Malformed(what))
    }

    pub(super) fn parse<T: FromStr>(&mut self, what: &'static str) -> Result<T, CallError> {
        self.text(what)?
            .parse()
            .map_err(|_| CallError::Malformed(what))
    }

    /// A number that is not negative, as an integer or in digits.
    pub(super) fn number(&mut self, what: &'static str) -> Result<u64, CallError> {
        let malformed = CallError::Malformed(what);
        match self.next(what)? {
            Reply::Int(number) => u64::try_from(*number).map_err(|_| malformed),
            other => other
                .as_bytes()
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .and_then(|text| text.parse().ok())
                .ok_or(malformed),
        }
    }

    /// How many elements follow; never more than there are.
    pub(super) fn count(&mut self, what: &'static str) -> Result<usize, CallError> {
        let count = self.number(what)?;
        usize::try_from(count)
            .ok()
            .filter(|&count| count <= self.left.len())
            .ok_or(CallError::Malformed(what))
    }

    /// Goes past a label.
    pub(super) fn label(&mut self, label: &'static str) -> Result<(), CallError> {
        if self.bytes(label)? == label.as_bytes() {
            Ok(())
        } else {
            Err(CallError::Malformed(label))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An answer written as words.
    pub(in crate::calls) fn words(text: &str) -> Vec<Reply> {
        text.split(' ')
            .map(|word| Reply::Bytes(word.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn refusals_are_read_first() {
        let refused = |text| match Answer::begin(&words(text)) {
            Err(error) => error,
            Ok(_) => panic!("{text} is a refusal"),
        };
        assert_eq!(
            refused("refused slow 3"),
            CallError::Refused(Refusal::Slow { seconds: 3 })
        );
        assert_eq!(
            refused("refused bad_call why 0"),
            CallError::BadCall("why".into())
        );
        assert_eq!(
            refused("refused something_new 9"),
            CallError::Refused(Refusal::Other {
                code: "something_new".into(),
                seconds: 9
            })
        );
        assert_eq!(refused("refused slow"), CallError::Malformed("seconds"));
        assert_eq!(refused("refused"), CallError::Malformed("code"));
    }

    #[test]
    fn a_count_is_never_more_than_there_is() {
        let replies = words("3 a b");
        let mut answer = Answer::begin(&replies).unwrap();
        assert_eq!(answer.count("n"), Err(CallError::Malformed("n")));
    }

    #[test]
    fn numbers_come_in_both_forms() {
        let replies = [Reply::Int(4), Reply::Bytes(b"5".to_vec()), Reply::Int(-1)];
        let mut answer = Answer::begin(&replies).unwrap();
        assert_eq!(answer.number("n"), Ok(4));
        assert_eq!(answer.number("n"), Ok(5));
        assert!(answer.number("n").is_err());
        assert!(answer.is_over());
        assert!(answer.number("n").is_err());
    }
}
