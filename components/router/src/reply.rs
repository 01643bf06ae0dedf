//! What a caller gets: an answer of Tidegate's own, or what an upstream said.

use tidegate_api::{Answer, Cors};
use tidegate_upstream::headers::Field;

/// What the pipeline comes to.
pub(crate) enum Reply {
    /// Tidegate's own.
    Own(Answer),
    /// Handed on.
    Passed(Passed),
}

/// An upstream's answer, or what stands in its place.
pub(crate) struct Passed {
    pub(crate) status: u16,
    pub(crate) fields: Vec<Field>,
    /// None where an answer has none: to `HEAD`.
    pub(crate) body: Option<Vec<u8>>,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Own(answer)
    }
}

/// Status, fields and body, as the host sends them.
pub(crate) struct Finished {
    pub(crate) status: u16,
    pub(crate) fields: Vec<Field>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Adds what every answer carries. `quota` is how the caller stands with their limits.
    pub(crate) fn finish(
        self,
        cors: Option<&Cors>,
        origin: Option<&str>,
        quota: Vec<(&'static str, String)>,
        request_id: &str,
    ) -> Finished {
        let dress = |answer: Answer| {
            let answer = answer.with_all(quota);
            match cors {
                Some(cors) => cors.apply(answer, origin),
                None => answer,
            }
        };
        match self {
            Self::Own(answer) => {
                let answer = dress(answer).finish(request_id);
                Finished {
                    status: answer.status,
                    fields: answer.headers.into_iter().map(field).collect(),
                    body: answer
                        .body
                        .map(|(_, text)| text.into_bytes())
                        .unwrap_or_default(),
                }
            }
            Self::Passed(passed) => {
                let ours = dress(Answer::no_content()).with("x-request-id", request_id);
                let mut fields = passed.fields;
                fields.extend(ours.headers.into_iter().map(field));
                // The body is whole, so its length is known. Where there is none, the length would be that of another
                // answer (RFC 9110, section 8.6).
                if let Some(body) = &passed.body
                    && !matches!(passed.status, 204 | 304)
                {
                    fields.push(field(("content-length", body.len().to_string())));
                }
                Finished {
                    status: passed.status,
                    fields,
                    body: passed.body.unwrap_or_default(),
                }
            }
        }
    }
}

fn field((name, value): (&'static str, String)) -> Field {
    (name.to_owned(), value.into_bytes())
}
