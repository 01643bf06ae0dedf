//! Names of keys.

use std::fmt;
use std::str::FromStr;

use crate::limits::KID_BYTES;

/// A key's name: 1 to 128 printable ASCII signs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Kid(String);

impl Kid {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Kid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > KID_BYTES || !text.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(format!(
                "`kid` must be 1 to {KID_BYTES} printable ASCII signs"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}
