//! Bodies of bans, mutes and kicks.

use serde::Deserialize;
use tidegate_stream::Subject;

use crate::json::{self, BodyError};
use crate::limits::SANCTION_S;

#[derive(Deserialize)]
// Not skipped, unlike elsewhere: a length that is overread would make a ban that lasts for ever.
#[serde(deny_unknown_fields)]
struct RawSanction {
    #[serde(default, deserialize_with = "json::whole")]
    seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKick {
    user: String,
}

/// Reads how long a ban or mute lasts, in seconds; none is until it is lifted. An empty body is the same.
///
/// # Errors
/// See [`BodyError`].
pub fn read_seconds(body: &[u8]) -> Result<Option<u64>, BodyError> {
    if body.is_empty() {
        return Ok(None);
    }
    let raw: RawSanction = json::read(body)?;
    match raw.seconds {
        Some(seconds) if !(1..=SANCTION_S).contains(&seconds) => Err(BodyError::field(format!(
            "`seconds` is 1 to {SANCTION_S}; leave it out for one without end, and lift one with DELETE"
        ))),
        seconds => Ok(seconds),
    }
}

/// Reads who is to be put out.
///
/// # Errors
/// See [`BodyError`].
pub fn read_kick(body: &[u8]) -> Result<Subject, BodyError> {
    let raw: RawKick = json::read(body)?;
    raw.user
        .parse()
        .map_err(|error| BodyError::field(format!("`user`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sanction_lasts_as_long_as_it_says() {
        assert_eq!(read_seconds(b""), Ok(None));
        assert_eq!(read_seconds(b"{}"), Ok(None));
        for same in ["600", "600.0", "6e2"] {
            let body = format!(r#"{{"seconds":{same}}}"#);
            assert_eq!(read_seconds(body.as_bytes()), Ok(Some(600)), "{same}");
        }
        assert_eq!(read_seconds(br#"{"seconds":null}"#), Ok(None));
        for bad in [
            r#"{"seconds":0}"#,
            "[]",
            "[600]",
            r#"{"seconds":0.5}"#,
            r#"{"seconds":1e300}"#,
            r#"{"seconds":315360001}"#,
            r#"{"seconds":-1}"#,
            r#"{"minutes":1}"#,
        ] {
            assert!(
                !read_seconds(bad.as_bytes()).unwrap_err().is_malformed(),
                "{bad}"
            );
        }
        assert!(read_seconds(b"x").unwrap_err().is_malformed());
    }

    #[test]
    fn a_kick_names_its_user() {
        assert_eq!(read_kick(br#"{"user":"bob"}"#).unwrap().as_str(), "bob");
        assert!(read_kick(b"{}").is_err());
        assert!(read_kick(br#"{"user":"a b"}"#).is_err());
    }
}
