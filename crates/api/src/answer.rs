//! An answer as a value, before the shell sends it.

use serde::Serialize;

/// What a browser must not do with an answer: guess its type, run or frame it, load it without CORS, tell where it came
/// from. `Strict-Transport-Security` is for whoever speaks TLS, which is not the edge.
const SECURITY: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
];

/// Status, headers and body of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Further headers; names in lower case, values in visible ASCII.
    pub headers: Vec<(&'static str, String)>,
    /// Media type and text; none for 204.
    pub body: Option<(&'static str, String)>,
}

impl Answer {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        Self::with_type(status, "application/json", body)
    }

    pub(crate) fn with_type(status: u16, media_type: &'static str, body: &impl Serialize) -> Self {
        // Serialising fails on maps whose keys are not text, and by a type's own will; neither is among the bodies here.
        let text = serde_json::to_string(body).unwrap_or_default();
        Self {
            status,
            headers: Vec::new(),
            body: Some((media_type, text)),
        }
    }

    /// An answer with a text.
    pub fn text(status: u16, media_type: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some((media_type, text.into())),
        }
    }

    /// 304.
    pub fn not_modified() -> Self {
        Self {
            status: 304,
            headers: Vec::new(),
            body: None,
        }
    }

    /// 204.
    pub fn no_content() -> Self {
        Self {
            status: 204,
            headers: Vec::new(),
            body: None,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds several headers.
    #[must_use]
    pub fn with_all(mut self, headers: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Adds what every answer carries: its length and type, that it is not to be stored unless it says otherwise, what a
    /// browser must not do with it, and the id under which the log knows it.
    #[must_use]
    pub fn finish(mut self, request_id: &str) -> Self {
        if let Some((media_type, text)) = &self.body {
            let length = text.len().to_string();
            self.headers
                .push(("content-type", (*media_type).to_owned()));
            self.headers.push(("content-length", length));
        }
        if self.header("cache-control").is_none() {
            self = self.with("cache-control", "no-store");
        }
        for (name, value) in SECURITY {
            self = self.with(name, value);
        }
        self.with("x-request-id", request_id)
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_says_how_long_it_is_and_what() {
        let answer = Answer::json(200, &["x"]).finish("r1");
        assert_eq!(answer.header("content-length"), Some("5"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        for (name, value) in SECURITY {
            assert_eq!(answer.header(name), Some(value));
        }
        assert_eq!(answer.header("x-request-id"), Some("r1"));
        // RFC 9110, section 8.6: no Content-Length with 204.
        assert_eq!(
            Answer::no_content().finish("r2").header("content-length"),
            None
        );
    }
}
