//! Answers: JSON, and refusals as problem+json (RFC 9457), as Tidegate's own.

use serde_json::{Value, json};
use spin_sdk::http::{Response, StatusCode};

/// Why a request is refused. Each is one status.
pub(crate) enum Refusal {
    NotFound,
    /// Holds the method that is allowed.
    Method(&'static str),
    NoToken,
    BadToken,
    BadBody,
    /// Holds the bytes that are allowed.
    TooLarge(usize),
    Limited {
        retry_s: u64,
    },
    /// Redis, the issuer or the provider of variables cannot be asked; holds why, for the log.
    Away(String),
    /// The app is wrong; holds why, for the log.
    Fault(String),
}

impl Refusal {
    /// Writes what is only for the log there.
    pub(crate) fn log(&self) {
        match self {
            Self::Away(why) => eprintln!("something is out of reach: {why}"),
            Self::Fault(why) => eprintln!("the app is wrong: {why}"),
            _ => {}
        }
    }

    /// The refusal as a response. What is only for the log is written there.
    pub(crate) fn answer(self) -> Response<String> {
        self.log();
        let (status, detail, header) = match self {
            Self::NotFound => (404, "there is no such poll or path".to_owned(), None),
            Self::Method(allowed) => (
                405,
                format!("this path takes {allowed}"),
                Some(("allow", allowed.to_owned())),
            ),
            Self::NoToken => (
                401,
                "send a token: Authorization: Bearer …".to_owned(),
                Some(("www-authenticate", "Bearer".to_owned())),
            ),
            Self::BadToken => (
                401,
                "the token does not hold; get a new one".to_owned(),
                Some((
                    "www-authenticate",
                    "Bearer error=\"invalid_token\"".to_owned(),
                )),
            ),
            Self::BadBody => (
                400,
                "the body must be {\"choice\":\"…\"}, the choice 1 to 64 of A-Z a-z 0-9 . _ -"
                    .to_owned(),
                None,
            ),
            Self::TooLarge(most) => (413, format!("the body may have {most} bytes"), None),
            Self::Limited { retry_s } => (
                429,
                "that is too often; wait".to_owned(),
                Some(("retry-after", retry_s.to_string())),
            ),
            Self::Away(_) => {
                let detail = "votes cannot be kept right now; try again".to_owned();
                (503, detail, Some(("retry-after", "1".to_owned())))
            }
            Self::Fault(_) => (
                500,
                "the log of the app says what is wrong".to_owned(),
                None,
            ),
        };
        let title = StatusCode::from_u16(status).ok();
        let title = title.and_then(|status| status.canonical_reason());
        let body = json!({
            "type": "about:blank",
            "title": title.unwrap_or("Refused"),
            "status": status,
            "detail": detail,
        });
        json_answer(status, "application/problem+json", &body, header)
    }
}

/// A response of known length, so that the host needs no chunks.
pub(crate) fn json_answer(
    status: u16,
    content_type: &str,
    body: &Value,
    header: Option<(&str, String)>,
) -> Response<String> {
    let body = body.to_string();
    let mut response = Response::builder()
        .status(status)
        .header("content-type", content_type)
        .header("cache-control", "no-store")
        .header("content-length", body.len());
    if let Some((name, value)) = header {
        response = response.header(name, value);
    }
    response.body(body).unwrap_or_else(|error| {
        eprintln!("an answer could not be built: {error}");
        let mut bare = Response::new(String::new());
        *bare.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        bare
    })
}
