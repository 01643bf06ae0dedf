//! Where viewers are: a continent, a country, a network.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The continents, by the codes that GeoIP databases and Route 53 share.
const CONTINENTS: [&str; 7] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"];

/// A continent, or a country of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// One of the seven codes.
    pub continent: String,
    /// ISO 3166-1, two letters.
    pub country: Option<String>,
}

/// Why a place was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no place: write a continent (AF AN AS EU NA OC SA), or a continent and a country by ISO 3166-1 (`AS/JP`)"
)]
pub struct PlaceError(String);

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let (continent, country) = match text.split_once('/') {
            Some((continent, country)) => (continent, Some(country)),
            None => (text, None),
        };
        let letters =
            |code: &str| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        if !CONTINENTS.contains(&continent) || !country.is_none_or(letters) {
            return Err(PlaceError(text.to_owned()));
        }
        Ok(Self {
            continent: continent.to_owned(),
            country: country.map(str::to_owned),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.country {
            Some(country) => write!(f, "{}/{country}", self.continent),
            None => f.write_str(&self.continent),
        }
    }
}

/// A network: its first address and how many bits of it count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Net {
    first: IpAddr,
    bits: u8,
}

/// Why a network was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// Not an address and a number.
    #[error("{0:?} is no network: write its first address and its length, `198.51.100.0/24`")]
    Malformed(String),
    /// Bits beyond the length are set.
    #[error("{text:?} is an address within a network; the network is {net}")]
    NotFirst {
        /// As written.
        text: String,
        /// What was meant, probably.
        net: String,
    },
}

impl FromStr for Net {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        let malformed = || NetError::Malformed(text.to_owned());
        let (address, bits) = text.split_once('/').ok_or_else(malformed)?;
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        let bits: u8 = bits.parse().map_err(|_| malformed())?;
        let first = match address {
            IpAddr::V4(v4) if (1..=32).contains(&bits) => {
                IpAddr::V4((u32::from(v4) & (u32::MAX << (32 - bits))).into())
            }
            IpAddr::V6(v6) if (1..=128).contains(&bits) => {
                IpAddr::V6((u128::from(v6) & (u128::MAX << (128 - bits))).into())
            }
            _ => return Err(malformed()),
        };
        let net = Self { first, bits };
        if first != address {
            return Err(NetError::NotFirst {
                text: text.to_owned(),
                net: net.to_string(),
            });
        }
        Ok(net)
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_continents_and_countries() {
        for good in ["EU", "AS/JP"] {
            assert_eq!(good.parse::<Place>().unwrap().to_string(), good);
        }
        for bad in [
            "", "eu", "XX", "JP", "EU/", "EU/de", "EU/DEU", "EU/DE/BY", "EU ",
        ] {
            assert!(bad.parse::<Place>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn networks_begin_at_their_first_address() {
        for good in [
            "198.51.100.0/24",
            "192.0.2.1/32",
            "2001:db8::/32",
            "::1/128",
        ] {
            assert_eq!(good.parse::<Net>().unwrap().to_string(), good);
        }
        for bad in [
            "198.51.100.0",
            "198.51.100.0/33",
            "0.0.0.0/0",
            "x/8",
            "2001:db8::/129",
            "198.51.100.0/+24x",
        ] {
            assert!(bad.parse::<Net>().is_err(), "{bad:?}");
        }
        let error = "198.51.100.7/24".parse::<Net>().unwrap_err().to_string();
        assert!(error.ends_with("the network is 198.51.100.0/24"), "{error}");
    }
}
