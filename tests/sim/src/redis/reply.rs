//! What a command answers.

use tidegate_stream::calls::Reply;

/// An answer of Redis, as RESP2 has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing.
    Nil,
    /// A status line.
    Status(&'static str),
    /// An integer.
    Int(i64),
    /// A string of bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Answer>),
}

impl Answer {
    /// The same as one flat list, as clients of the function library hand it over.
    pub fn flat(self) -> Vec<Reply> {
        let mut flat = Vec::new();
        self.flatten(&mut flat);
        flat
    }

    fn flatten(self, into: &mut Vec<Reply>) {
        match self {
            Self::Nil => into.push(Reply::Nil),
            Self::Status(text) => into.push(Reply::Status(text.to_owned())),
            Self::Int(number) => into.push(Reply::Int(number)),
            Self::Bytes(bytes) => into.push(Reply::Bytes(bytes)),
            Self::List(list) => list.into_iter().for_each(|one| one.flatten(into)),
        }
    }

    /// The elements of a list; none of anything else.
    pub fn list(self) -> Vec<Self> {
        match self {
            Self::List(list) => list,
            _ => Vec::new(),
        }
    }

    /// The bytes of a string; none of anything else.
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => Vec::new(),
        }
    }
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        Self::Int(i64::from(yes))
    }
}

impl From<usize> for Answer {
    fn from(count: usize) -> Self {
        Self::Int(count as i64)
    }
}

impl From<Option<Vec<u8>>> for Answer {
    fn from(bytes: Option<Vec<u8>>) -> Self {
        bytes.map_or(Self::Nil, Self::Bytes)
    }
}
