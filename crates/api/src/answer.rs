//! An answer as a value, before the shell sends it.

use serde::Serialize;

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

    /// Adds what every answer carries: its length and type, that it is neither to be stored nor guessed at, and the id
    /// under which the log knows it.
    #[must_use]
    pub fn finish(mut self, request_id: &str) -> Self {
        if let Some((media_type, text)) = &self.body {
            let length = text.len().to_string();
            self.headers
                .push(("content-type", (*media_type).to_owned()));
            self.headers.push(("content-length", length));
        }
        self.with("x-content-type-options", "nosniff")
            .with("cache-control", "no-store")
            .with("x-request-id", request_id)
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
        assert_eq!(answer.header("x-request-id"), Some("r1"));
        // RFC 9110, section 8.6: no Content-Length with 204.
        assert_eq!(
            Answer::no_content().finish("r2").header("content-length"),
            None
        );
    }
}
