//! Stamps: which of two settings of one field holds, in every region.

use std::fmt;
use std::str::FromStr;

use crate::name::{NameError, Region};

/// When and where a field was set. The greater `ms` wins, then the greater region name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Milliseconds; the greater of Redis' clock and the field's own stamp + 1.
    pub ms: u64,
    /// Where it was set.
    pub region: Region,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.ms, self.region)
    }
}

impl FromStr for Stamp {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (ms, region) = text.split_once('.').ok_or(NameError::Region)?;
        Ok(Self {
            ms: ms.parse().map_err(|_| NameError::Region)?,
            region: region.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_wins_then_the_greater_name() {
        let stamp = |text: &str| text.parse::<Stamp>().unwrap();
        assert!(stamp("10.eu") > stamp("9.us"));
        assert!(stamp("10.us") > stamp("10.eu"));
        assert_eq!(stamp("10.eu-1").to_string(), "10.eu-1");
        assert!("10".parse::<Stamp>().is_err());
    }
}
