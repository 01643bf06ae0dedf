//! Headers of a request, and what is read from them.

use tidegate_room::IdempotencyKey;

use crate::limits::REQUEST_ID_BYTES;
use crate::refusal::Refusal;

/// The headers of one request; names in lower case, as HTTP libraries hand them over.
#[derive(Debug, Clone, Default)]
pub struct Headers<'h>(Vec<(&'h str, &'h [u8])>);

impl<'h> FromIterator<(&'h str, &'h [u8])> for Headers<'h> {
    fn from_iter<I: IntoIterator<Item = (&'h str, &'h [u8])>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}

impl<'h> Headers<'h> {
    /// Every value of a header that is text, in order.
    pub fn all(&self, name: &str) -> Vec<&'h str> {
        self.0
            .iter()
            .filter(|(known, _)| *known == name)
            .filter_map(|(_, value)| std::str::from_utf8(value).ok())
            .collect()
    }

    /// The one value of a header.
    ///
    /// # Errors
    /// [`Refusal::BadHeader`] if it stands twice or is not text.
    pub fn one(&self, name: &'static str) -> Result<Option<&'h str>, Refusal> {
        let mut values = self.0.iter().filter(|(known, _)| *known == name);
        let Some((_, value)) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Refusal::BadHeader(format!("`{name}` stands twice")));
        }
        std::str::from_utf8(value)
            .map(|text| Some(text.trim()))
            .map_err(|_| Refusal::BadHeader(format!("`{name}` is not text")))
    }

    /// The bearer token (RFC 6750, section 2.1); the scheme's case does not matter.
    ///
    /// # Errors
    /// [`Refusal::BadHeader`] for two of them, [`Refusal::BadToken`] for another scheme or an empty token.
    pub fn bearer(&self) -> Result<Option<&'h str>, Refusal> {
        let Some(value) = self.one("authorization")? else {
            return Ok(None);
        };
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        let token = token.trim_start_matches(' ');
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::BadToken(
                "the scheme of `Authorization` must be Bearer".to_owned(),
            ));
        }
        if token.is_empty() || token.contains(' ') {
            return Err(Refusal::BadToken(
                "`Authorization: Bearer` is followed by one token".to_owned(),
            ));
        }
        Ok(Some(token))
    }

    /// The idempotency key.
    ///
    /// # Errors
    /// [`Refusal::BadHeader`].
    pub fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, Refusal> {
        self.one("idempotency-key")?
            .map(|text| {
                text.parse()
                    .map_err(|error: tidegate_room::KeyError| Refusal::BadHeader(error.to_string()))
            })
            .transpose()
    }

    /// Checks that a body is said to be JSON in UTF-8. Only that makes a browser ask before another origin's page posts.
    ///
    /// # Errors
    /// [`Refusal::MediaType`].
    pub fn check_json(&self) -> Result<(), Refusal> {
        let value = self.one("content-type")?.ok_or(Refusal::MediaType)?;
        let mut parts = value.split(';').map(str::trim);
        let is_json = parts
            .next()
            .is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json"));
        let is_utf8 = parts.all(|part| match part.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        });
        if is_json && is_utf8 {
            Ok(())
        } else {
            Err(Refusal::MediaType)
        }
    }

    /// The caller's request id, if it is sane.
    pub fn request_id(&self) -> Option<&'h str> {
        let id = self.one("x-request-id").ok().flatten()?;
        let sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=REQUEST_ID_BYTES).contains(&id.len()) && id.bytes().all(sign)).then_some(id)
    }

    /// The trace context (W3C Trace Context, `traceparent`), cut to what this version of it defines; empty if there is
    /// none or it is malformed, which by that standard is no error.
    pub fn traceparent(&self) -> &'h str {
        let value = match self.one("traceparent") {
            Ok(Some(value)) if value.is_ascii() => value,
            _ => return "",
        };
        match value.get(..TRACE_BYTES) {
            Some(known) if is_trace(known) => match &value[TRACE_BYTES..] {
                "" => known,
                // A later version may say more.
                more if more.starts_with('-') && !known.starts_with("00") => known,
                _ => "",
            },
            _ => "",
        }
    }
}

/// `vv-` 32 hex digits, `-`, 16, `-`, 2.
const TRACE_BYTES: usize = 55;

fn is_trace(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length: usize| {
        part.len() == length
            && part
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |part: &str| part.bytes().any(|byte| byte != b'0');
    match parts[..] {
        [version, trace, span, flags] => {
            hex(version, 2)
                && version != "ff"
                && hex(trace, 32)
                && some(trace)
                && hex(span, 16)
                && some(span)
                && hex(flags, 2)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers<'h>(pairs: &[(&'h str, &'h str)]) -> Headers<'h> {
        pairs
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect()
    }

    #[test]
    fn a_bearer_token_is_read() {
        for value in [
            "Bearer a.b.c",
            "bearer a.b.c",
            "BEARER  a.b.c",
            " Bearer a.b.c ",
        ] {
            assert_eq!(
                headers(&[("authorization", value)]).bearer(),
                Ok(Some("a.b.c")),
                "{value:?}"
            );
        }
        assert_eq!(headers(&[]).bearer(), Ok(None));
    }

    #[test]
    fn what_is_no_bearer_token_is_refused() {
        for value in ["", "Bearer", "Bearer ", "Basic YTpi", "a.b.c", "Bearer a b"] {
            assert!(
                matches!(
                    headers(&[("authorization", value)]).bearer(),
                    Err(Refusal::BadToken(_))
                ),
                "{value:?}"
            );
        }
        let twice = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
        assert!(matches!(
            headers(&twice).bearer(),
            Err(Refusal::BadHeader(_))
        ));
        let raw: Headers<'_> = [("authorization", &b"Bearer \xff"[..])]
            .into_iter()
            .collect();
        assert!(matches!(raw.bearer(), Err(Refusal::BadHeader(_))));
    }

    #[test]
    fn only_json_in_utf8_is_taken() {
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"; v=1",
        ] {
            assert_eq!(headers(&[("content-type", good)]).check_json(), Ok(()));
        }
        for bad in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=latin1",
            "application/jsonp",
            "",
        ] {
            assert_eq!(
                headers(&[("content-type", bad)]).check_json(),
                Err(Refusal::MediaType)
            );
        }
        assert_eq!(headers(&[]).check_json(), Err(Refusal::MediaType));
    }

    #[test]
    fn an_insane_request_id_is_not_taken_over() {
        assert_eq!(
            headers(&[("x-request-id", "a-1._B")]).request_id(),
            Some("a-1._B")
        );
        for bad in ["", "a b", "a\tb", "{}", &"x".repeat(65)] {
            assert_eq!(
                headers(&[("x-request-id", bad)]).request_id(),
                None,
                "{bad:?}"
            );
        }
        let twice = [("x-request-id", "a"), ("x-request-id", "b")];
        assert_eq!(headers(&twice).request_id(), None);
    }

    #[test]
    fn a_trace_context_is_taken_by_its_grammar() {
        const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let read = |value: &str| headers(&[("traceparent", value)]).traceparent().to_owned();
        assert_eq!(read(GOOD), GOOD);
        assert_eq!(
            read(&GOOD.replacen("00", "cc", 1)),
            GOOD.replacen("00", "cc", 1)
        );
        assert_eq!(
            read(&format!("{}-more", GOOD.replacen("00", "cc", 1))),
            GOOD.replacen("00", "cc", 1)
        );
        for bad in [
            "",
            "00",
            &format!("{GOOD}-more"),
            &GOOD.replacen("00", "ff", 1),
            &GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            &GOOD.to_uppercase(),
            &GOOD.replace('-', "_"),
        ] {
            assert_eq!(read(bad), "", "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            let headers: Headers<'_> = ["authorization", "traceparent", "content-type", "x-request-id", "idempotency-key"]
                .into_iter()
                .map(|name| (name, value.as_slice()))
                .collect();
            let _ = headers.bearer();
            let _ = headers.traceparent();
            let _ = headers.check_json();
            let _ = headers.request_id();
            let _ = headers.idempotency_key();
        }
    }
}
