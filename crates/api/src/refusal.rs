//! Why a call is not carried out, and how that is told: problem details (RFC 9457), in this one place.

use serde::Serialize;
use tidegate_room::{BodyError, Denied};
use tidegate_route::{Allow, RouteError};

use crate::answer::Answer;
use crate::limits::{AWAY_RETRY_S, DETAIL_CHARS, FULL_RETRY_S};

/// Every way in which a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The path could mean two things, or names something outside its grammar.
    BadPath(String),
    /// A header is malformed or stands twice.
    BadHeader(String),
    /// The query is malformed.
    BadQuery(String),
    /// The body is not JSON.
    BadBody(String),
    /// The cursor lies in the future.
    BadCursor,
    /// The call needs a token.
    NoToken,
    /// The token does not hold.
    BadToken(String),
    /// The token, or its subject, was revoked.
    Revoked,
    /// The token does not allow this.
    Denied(Denied),
    /// Only the room's owner, or a scope, allows this.
    NotOwner,
    /// Only a service may do this here.
    ServiceOnly,
    /// The room takes chat of its followers only.
    FollowersOnly,
    /// The room takes gifts only.
    GiftOnly,
    /// The namespace has as many rooms as it may.
    TooManyRooms {
        /// How many.
        most: u64,
    },
    /// Banned from the room.
    Banned {
        /// Until it ends; 0: until lifted.
        seconds: u64,
    },
    /// Muted in the room.
    Muted {
        /// Until it ends; 0: until lifted.
        seconds: u64,
    },
    /// Nothing is at this path.
    NoPath,
    /// No such room.
    NoRoom,
    /// The path has other methods.
    Method(Allow),
    /// A room with this id is or was there.
    Exists,
    /// The room was closed for good.
    Closed,
    /// History does not reach back to the cursor.
    HistoryGone,
    /// The body did not come in time.
    TooSlow,
    /// The body is too long.
    TooLarge {
        /// What is allowed.
        most_bytes: usize,
    },
    /// The body is said to be something else than JSON.
    MediaType,
    /// JSON, but not what is asked for.
    NotAllowed(String),
    /// The idempotency key came with another body before.
    KeyReused,
    /// Moderation does not let it pass; the text is for the sender.
    Rejected(String),
    /// Moderation is out of order, and what is not judged is not let through. The text is for the log.
    Unjudged(String),
    /// A rate limit.
    Limited {
        /// When to come back.
        retry_s: u64,
        /// The names of the policies that refused.
        policies: Vec<&'static str>,
    },
    /// Slow mode.
    Slow {
        /// When to come back.
        retry_s: u64,
    },
    /// A variable is missing or wrong. The text is for the log.
    NotConfigured(String),
    /// The variables cannot be read now, and what was read last is missing or too old. The text is for the log.
    SettingsAway(String),
    /// A fault of Tidegate. The text is for the log.
    Fault(String),
    /// Redis is out of reach. The text is for the log.
    Away(String),
    /// The issuer's keys were never had and cannot be fetched now. The text is for the log.
    KeysAway(String),
    /// Redis is full.
    Full,
    /// Redis was started anew and waits for what other regions have.
    Recovering {
        /// When to come back.
        retry_s: u64,
    },
    /// The function library is missing or older; the text says what to do.
    Library(String),
    /// Another layout lies in Redis; the text says which.
    Layout(String),
    /// No upstream of a route answers, and there is nothing to answer in its place.
    NoUpstream {
        /// When to come back.
        retry_s: u64,
    },
    /// An upstream's answer is longer than its route allows.
    UpstreamTooLarge {
        /// What is allowed.
        most_bytes: usize,
    },
    /// The request comes back from an upstream again and again.
    Loop,
}

/// Problem details, as they are sent.
#[derive(Debug, Serialize)]
pub struct Problem {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
    #[serde(rename = "violated-policies", skip_serializing_if = "Option::is_none")]
    violated_policies: Option<Vec<&'static str>>,
}

/// The type of a refused rate limit, and its member `violated-policies`, by draft-ietf-httpapi-ratelimit-headers-11.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// What is told of a refusal.
struct Told {
    status: u16,
    code: &'static str,
    title: &'static str,
    /// What to do about it.
    detail: String,
    retry_s: Option<u64>,
}

fn told(status: u16, code: &'static str, title: &'static str, detail: impl Into<String>) -> Told {
    let detail: String = detail.into();
    Told {
        status,
        code,
        title,
        detail: detail.chars().take(DETAIL_CHARS).collect(),
        retry_s: None,
    }
}

impl Told {
    fn retry(mut self, seconds: u64) -> Self {
        self.retry_s = Some(seconds.max(1));
        self
    }
}

/// How long a ban or a mute still lasts.
fn lasting(seconds: u64) -> String {
    match seconds {
        0 => "until it is lifted".to_owned(),
        seconds => format!("for {seconds} more seconds"),
    }
}

impl Refusal {
    fn told(&self) -> Told {
        match self {
            Self::BadPath(detail) => told(400, "bad_path", "The path is malformed", detail),
            Self::BadHeader(detail) => {
                told(400, "bad_header", "A header is malformed", detail)
            }
            Self::BadQuery(detail) => {
                told(400, "bad_query", "The query is malformed", detail)
            }
            Self::BadBody(detail) => told(400, "bad_body", "The body is malformed", detail),
            Self::BadCursor => told(400, "bad_cursor", "The cursor lies in the future", "give back a cursor that you were given, unchanged"),
            Self::NoToken => told(401, "no_token", "This needs a token", "send `Authorization: Bearer` and a token"),
            Self::BadToken(detail) => {
                told(401, "bad_token", "The token does not hold", detail)
            }
            Self::Revoked => told(401, "revoked", "The token was revoked", "sign in again for another one"),
            Self::Denied(denied) => {
                told(403, "denied", "The token does not allow this", denied.to_string())
            }
            Self::NotOwner => told(403, "not_owner", "The token does not allow this", "this needs the room's owner, a moderator of it where viewers are concerned, or the scope `moderate` or `rooms:write`"),
            Self::ServiceOnly => told(403, "service_only", "Only a service may do this here", "this needs a token with the scope `service`"),
            Self::FollowersOnly => told(403, "followers_only", "The room takes messages of its followers only", "follow it, and sign in again: the token's `follows` says which rooms its holder follows"),
            Self::GiftOnly => told(403, "gift_only", "The room takes gifts only", "chat is closed there for now; gifts and likes are open"),
            Self::TooManyRooms { most } => told(403, "too_many_rooms", "The namespace has as many rooms as it may", format!("close one first: {most} are the most")),
            Self::Banned { seconds } => told(403, "banned", "Banned from the room", format!("banned {}", lasting(*seconds))),
            Self::Muted { seconds } => told(403, "muted", "Muted in the room", format!("muted {}", lasting(*seconds))),
            Self::NoPath => told(404, "no_path", "Nothing is at this path", "`/v1/openapi.yaml` lists the paths; a trailing slash makes another one"),
            Self::NoRoom => told(404, "no_room", "No such room", "create it first, or look for a slip in its id"),
            Self::Method(allow) => told(405, "method", "The path does not have this method", format!("it has {allow}")),
            Self::Exists => told(409, "room_exists", "A room with this id is or was there", "choose another id; that of a closed room stays taken for seven days"),
            Self::Closed => told(410, "room_closed", "The room was closed for good", "nothing more can be done in it"),
            Self::HistoryGone => told(410, "history_gone", "History does not reach back to the cursor", 
                "something that may not be missed is gone; read without `after`, or join again",
            ),
            Self::TooSlow => told(408, "too_slow", "The body did not come in time", "send it again, on a connection that is not as slow"),
            Self::TooLarge { most_bytes } => told(413, "too_large", "The body is too large", format!("{most_bytes} bytes are the most")),
            Self::MediaType => told(415, "media_type", "The body must be JSON", "send `Content-Type: application/json`, in UTF-8"),
            Self::NotAllowed(detail) => {
                told(422, "not_allowed", "The body is not what is asked for", detail)
            }
            Self::KeyReused => told(422, "key_reused", "The idempotency key was used before", "it came with another body; a new message needs a new key"),
            Self::Rejected(detail) => {
                told(422, "rejected", "The message was not let through", detail)
            }
            Self::Limited { retry_s, .. } => told(429, "limited", "Too many requests", "wait as `Retry-After` says; the headers `RateLimit` and `RateLimit-Policy` show what is left").retry(*retry_s),
            Self::Slow { retry_s } => {
                told(429, "slow_mode", "The room is in slow mode", "one message at a time: wait as `Retry-After` says").retry(*retry_s)
            }
            Self::Unjudged(_) => told(503, "unjudged", "Moderation is out of order", "the message was not published; try again later").retry(FULL_RETRY_S),
            Self::NotConfigured(_) => told(500, "not_configured", "The edge is not configured", "its log says what, under this request id"),
            Self::SettingsAway(_) => {
                told(503, "settings_unavailable", "The edge's settings are out of reach", "nothing was changed; try again as `Retry-After` says").retry(AWAY_RETRY_S)
            }
            Self::Fault(_) => told(500, "fault", "A fault of the edge", "its log says what, under this request id"),
            Self::Away(_) => {
                told(503, "unavailable", "The region's Redis is out of reach", "try again as `Retry-After` says; what was to be written may or may not be: repeat it with the same Idempotency-Key").retry(AWAY_RETRY_S)
            }
            Self::KeysAway(_) => {
                told(503, "keys_unavailable", "The issuer's keys are out of reach", "the token could not be judged; try again with the same one").retry(AWAY_RETRY_S)
            }
            Self::Full => told(503, "full", "The region's Redis is full", "nothing was changed; try again later").retry(FULL_RETRY_S),
            Self::Recovering { retry_s } => {
                told(503, "recovering", "The region is being recovered", "nothing was changed; try again as `Retry-After` says").retry(*retry_s)
            }
            Self::Library(detail) => told(503, "library", "The region's Redis is not set up", detail)
                .retry(FULL_RETRY_S),
            Self::Layout(detail) => told(503, "layout", "The region's Redis has another layout", detail)
                .retry(FULL_RETRY_S),
            Self::NoUpstream { retry_s } => told(503, "no_upstream", "No upstream answers", "try again as `Retry-After` says; what is not a read may or may not have been done").retry(*retry_s),
            Self::UpstreamTooLarge { most_bytes } => told(502, "upstream_too_large", "The upstream's answer is too large", format!("{most_bytes} bytes are the most that this route hands on")),
            Self::Loop => told(508, "loop", "The request goes in a circle", "an upstream of this route sends it back here; `Via` shows the way"),
        }
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.told().status
    }

    /// The stable word for it, as in `code`.
    pub fn code(&self) -> &'static str {
        self.told().code
    }

    /// What only the log is told.
    pub fn log_detail(&self) -> Option<&str> {
        match self {
            Self::NotConfigured(text)
            | Self::SettingsAway(text)
            | Self::Fault(text)
            | Self::Away(text)
            | Self::Unjudged(text)
            | Self::KeysAway(text)
            | Self::Library(text)
            | Self::Layout(text) => Some(text),
            _ => None,
        }
    }

    /// The problem details.
    pub fn problem(&self) -> Problem {
        let told = self.told();
        let violated_policies = match self {
            Self::Limited { policies, .. } => Some(policies.clone()),
            _ => None,
        };
        Problem {
            r#type: match violated_policies {
                Some(_) => QUOTA_EXCEEDED.to_owned(),
                None => format!("urn:tidegate:problem:{}", told.code),
            },
            title: told.title,
            status: told.status,
            detail: told.detail,
            code: told.code,
            retry_after_s: told.retry_s,
            violated_policies,
        }
    }

    /// The answer.
    pub fn answer(&self) -> Answer {
        let problem = self.problem();
        let mut answer = Answer::with_type(problem.status, "application/problem+json", &problem);
        if let Some(seconds) = problem.retry_after_s {
            answer = answer.with("retry-after", seconds.to_string());
        }
        match self {
            Self::NoToken => answer.with("www-authenticate", "Bearer"),
            Self::BadToken(_) | Self::Revoked => {
                answer.with("www-authenticate", "Bearer error=\"invalid_token\"")
            }
            Self::Method(allow) => answer.with("allow", allow.to_string()),
            Self::NoUpstream { .. } => answer.with("tidegate-degraded", "unavailable"),
            _ => answer,
        }
    }
}

impl From<RouteError> for Refusal {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::Path(error) => Self::BadPath(error.to_string()),
            RouteError::Name(text) => Self::BadPath(text),
            RouteError::NotFound => Self::NoPath,
            RouteError::Method(allow) => Self::Method(allow),
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        if error.is_malformed() {
            Self::BadBody(error.to_string())
        } else {
            Self::NotAllowed(error.to_string())
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// One of each, for tests that go through them all.
#[cfg(test)]
pub(crate) fn every() -> Vec<Refusal> {
    let mut allow = Allow::default();
    allow.add(tidegate_route::Method::Get);
    let text = || "why".to_owned();
    vec![
        Refusal::BadPath(text()),
        Refusal::BadHeader(text()),
        Refusal::BadQuery(text()),
        Refusal::BadBody(text()),
        Refusal::BadCursor,
        Refusal::NoToken,
        Refusal::BadToken(text()),
        Refusal::Revoked,
        Refusal::Denied(Denied::As),
        Refusal::NotOwner,
        Refusal::ServiceOnly,
        Refusal::FollowersOnly,
        Refusal::GiftOnly,
        Refusal::TooManyRooms { most: 7 },
        Refusal::Banned { seconds: 7 },
        Refusal::Banned { seconds: 0 },
        Refusal::Muted { seconds: 7 },
        Refusal::NoPath,
        Refusal::NoRoom,
        Refusal::Method(allow),
        Refusal::Exists,
        Refusal::Closed,
        Refusal::HistoryGone,
        Refusal::TooSlow,
        Refusal::TooLarge { most_bytes: 16_384 },
        Refusal::MediaType,
        Refusal::NotAllowed(text()),
        Refusal::KeyReused,
        Refusal::Rejected(text()),
        Refusal::Unjudged(text()),
        Refusal::Limited {
            retry_s: 3,
            policies: vec!["ip", "user"],
        },
        Refusal::Slow { retry_s: 0 },
        Refusal::NotConfigured(text()),
        Refusal::SettingsAway(text()),
        Refusal::Fault(text()),
        Refusal::Away(text()),
        Refusal::KeysAway(text()),
        Refusal::Full,
        Refusal::Recovering { retry_s: 1 },
        Refusal::Library(text()),
        Refusal::Layout(text()),
        Refusal::NoUpstream { retry_s: 2 },
        Refusal::UpstreamTooLarge {
            most_bytes: 1_048_576,
        },
        Refusal::Loop,
    ]
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
