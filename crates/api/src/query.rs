//! The query of a URL.

use std::borrow::Cow;

use tidegate_route::path;

use crate::limits::QUERY_BYTES;
use crate::refusal::Refusal;

/// A name and its value, escapes resolved.
pub type Pair<'q> = (Cow<'q, str>, Cow<'q, str>);

/// The pairs of a query, escapes resolved.
///
/// # Errors
/// [`Refusal::BadQuery`].
pub fn pairs(query: &str) -> Result<Vec<Pair<'_>>, Refusal> {
    if query.len() > QUERY_BYTES {
        return Err(Refusal::BadQuery(format!(
            "it is longer than {QUERY_BYTES} bytes"
        )));
    }
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text| {
                path::decode(text)
                    .map_err(|_| Refusal::BadQuery("it has a malformed escape".to_owned()))
            };
            Ok((plain(name)?, plain(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_taken_apart() {
        let read = pairs("after=1bG9%2D&limit=5&&x").unwrap();
        let read: Vec<(&str, &str)> = read.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert_eq!(read, [("after", "1bG9-"), ("limit", "5"), ("x", "")]);
        assert_eq!(pairs("").unwrap(), []);
    }

    #[test]
    fn a_malformed_query_is_refused() {
        for bad in ["a=%", "%zz=1", "a=%ff", &"x".repeat(QUERY_BYTES + 1)] {
            assert!(matches!(pairs(bad), Err(Refusal::BadQuery(_))));
        }
    }
}
