//! Header fields, as RFC 9110 has them.

use httparse::Header;

use super::refusal::Refusal;

/// The headers of one request.
pub(super) struct Headers<'a>(pub(super) &'a [Header<'a>]);

impl<'a> Headers<'a> {
    /// All values of a field, which must be ASCII.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = Result<&'a str, Refusal>> {
        self.0
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| match std::str::from_utf8(header.value) {
                Ok(value) if value.is_ascii() => Ok(value.trim_matches([' ', '\t'])),
                _ => Err(Refusal::Malformed(
                    "a header that matters here is not ASCII",
                )),
            })
    }

    /// The value of a field that may stand once.
    pub(super) fn one(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let mut values = self.all(name);
        let first = values.next().transpose()?;
        match values.next() {
            Some(_) => Err(Refusal::Malformed(
                "a header that may stand once is there twice",
            )),
            None => Ok(first),
        }
    }

    /// The members of a list field, over all its lines.
    pub(super) fn list(&self, name: &str) -> Result<Vec<&'a str>, Refusal> {
        let lines = self.all(name).collect::<Result<Vec<_>, _>>()?;
        Ok(lines
            .into_iter()
            .flat_map(|line| line.split(','))
            .map(|item| item.trim_matches([' ', '\t']))
            .filter(|item| !item.is_empty())
            .collect())
    }

    /// Whether a list field has a token, in any case.
    pub(super) fn has_token(&self, name: &str, token: &str) -> Result<bool, Refusal> {
        let list = self.list(name)?;
        Ok(list.iter().any(|item| item.eq_ignore_ascii_case(token)))
    }

    /// Whether `Accept` lets `text/event-stream` through. No `Accept` takes everything.
    pub(super) fn accepts_events(&self) -> Result<bool, Refusal> {
        let ranges = self.list("accept")?;
        // The most specific range that fits decides (RFC 9110, section 12.5.1).
        let weight = |range: &str| {
            ranges.iter().find_map(|item| {
                let mut parts = item.split(';').map(str::trim);
                let named = parts.next()?.eq_ignore_ascii_case(range);
                let refused = parts.any(|parameter| {
                    parameter.split_once('=').is_some_and(|(name, value)| {
                        name.eq_ignore_ascii_case("q")
                            && value.bytes().all(|b| matches!(b, b'0' | b'.'))
                    })
                });
                named.then_some(!refused)
            })
        };
        Ok(ranges.is_empty()
            || weight("text/event-stream")
                .or_else(|| weight("text/*"))
                .or_else(|| weight("*/*"))
                .unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(value: &str) -> bool {
        let headers = [Header {
            name: "Accept",
            value: value.as_bytes(),
        }];
        Headers(&headers).accepts_events().unwrap()
    }

    #[test]
    fn accept_is_weighed() {
        for good in [
            "text/event-stream",
            "*/*",
            "text/*;q=0.1",
            "text/html, TEXT/Event-Stream;q=0.01",
            "text/html;q=0, */*;q=0.8",
            "",
        ] {
            assert!(accepts(good), "{good}");
        }
        for bad in [
            "text/html",
            "application/*",
            "text/event-stream;q=0, */*",
            "*/*;q=0.000",
            "text/event-stream; q=0.",
        ] {
            assert!(!accepts(bad), "{bad}");
        }
    }

    #[test]
    fn lists_run_over_lines() {
        let line = |value: &'static str| Header {
            name: "connection",
            value: value.as_bytes(),
        };
        let lines = [line("keep-alive, "), line(" ,Upgrade")];
        let headers = Headers(&lines);
        assert!(headers.has_token("Connection", "upgrade").unwrap());
        assert!(!headers.has_token("Connection", "upgrad").unwrap());
        assert!(headers.one("Connection").is_err());
        assert!(Headers(&[line("\u{e9}")]).list("connection").is_err());
    }
}
