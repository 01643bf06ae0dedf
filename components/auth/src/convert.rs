//! Between the types of the contract and those of the decisions.

use tidegate_auth::scope::Scope;
use tidegate_auth::{Grant, Identity, TokenHash, TokenRefusal};

use crate::bindings::exports::tidegate::auth::auth as wit;

pub(crate) fn identity(identity: Identity) -> wit::Identity {
    wit::Identity {
        subject: identity.subject.into(),
        info: identity.info,
        scopes: identity
            .scopes
            .iter()
            .map(|scope: Scope| scope.name().to_owned())
            .collect(),
        rooms: identity.rooms.to_patterns(),
        follows: identity.follows.to_patterns().unwrap_or_default(),
        token: identity.token.map(|hash| hash.to_string()),
        expires_ms: identity.expires_ms,
    }
}

pub(crate) fn refusal(refusal: TokenRefusal) -> wit::Refusal {
    match refusal {
        TokenRefusal::Malformed(why) => wit::Refusal::Malformed(why),
        TokenRefusal::TooLarge => wit::Refusal::TooLarge,
        TokenRefusal::UnknownKid => wit::Refusal::UnknownKid,
        TokenRefusal::WrongAlgorithm => wit::Refusal::WrongAlgorithm,
        TokenRefusal::BadSignature => wit::Refusal::BadSignature,
        TokenRefusal::WrongIssuer => wit::Refusal::WrongIssuer,
        TokenRefusal::WrongAudience => wit::Refusal::WrongAudience,
        TokenRefusal::Expired => wit::Refusal::Expired,
        TokenRefusal::NotYetValid => wit::Refusal::NotYetValid,
        TokenRefusal::BadClaims(why) => wit::Refusal::BadClaims(why),
    }
}

pub(crate) fn grant(grant: wit::Grant) -> Result<Grant, wit::Refusal> {
    let bad = |why: String| wit::Refusal::BadClaims(why);
    Ok(Grant {
        room: grant
            .room
            .parse()
            .map_err(|error| bad(format!("{error}")))?,
        subject: grant
            .subject
            .parse()
            .map_err(|error| bad(format!("{error}")))?,
        token: grant
            .token
            .map(|hash| hash.parse::<TokenHash>())
            .transpose()
            .map_err(|error| bad(error.to_string()))?,
        moderator: grant.moderator,
        expires_ms: grant.expires_ms,
    })
}
