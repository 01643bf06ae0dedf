//! Who calls.

use tidegate_api::{Refusal, Settings, Who};
use tidegate_auth::{Rooms, Scopes};
use tidegate_room::Caller;
use tidegate_stream::Subject;

use crate::bindings::tidegate::auth::auth;
use crate::jwks;
use crate::request::Incoming;

/// Who calls, by the token; a guest without one.
pub(crate) async fn of(incoming: &Incoming, settings: &Settings) -> Result<Who, Refusal> {
    let headers = incoming.headers();
    let Some(token) = headers.bearer()? else {
        return Ok(Who::Guest(Subject::guest(
            wasi::random::random::get_random_u64(),
        )));
    };
    let identity = identify(token, settings).await?;
    caller(identity)
        .map(Who::Known)
        .map_err(|why| Refusal::Fault(format!("the identity from `auth`: {why}")))
}

/// Judges the token, once more with newer keys if it names one that is not known.
async fn identify(token: &str, settings: &Settings) -> Result<auth::Identity, Refusal> {
    let Some(url) = &settings.jwks_url else {
        return judge(token, Vec::new()).await.map_err(refusal);
    };
    let known = jwks::known(settings, url).await;
    match judge(token, known).await {
        Err(auth::Refusal::UnknownKid) => match jwks::newer(settings, url).await? {
            Some(newer) => judge(token, vec![newer]).await.map_err(refusal),
            None => Err(refusal(auth::Refusal::UnknownKid)),
        },
        judged => judged.map_err(refusal),
    }
}

async fn judge(token: &str, fetched: Vec<String>) -> Result<auth::Identity, auth::Refusal> {
    match auth::identify_at_once(token, &fetched) {
        Some(judged) => judged,
        None => auth::identify(token.to_owned(), fetched).await,
    }
}

fn caller(identity: auth::Identity) -> Result<Caller, String> {
    Ok(Caller {
        subject: identity
            .subject
            .parse()
            .map_err(|error| format!("{error}"))?,
        info: identity.info,
        scopes: Scopes::from_names(identity.scopes.iter().map(String::as_str)),
        rooms: Rooms::from_patterns(identity.rooms.as_deref())
            .map_err(|error| error.to_string())?,
        follows: Rooms::from_patterns(Some(&identity.follows))
            .map_err(|error| error.to_string())?,
        token: identity.token,
        expires_ms: identity.expires_ms,
    })
}

/// A refusal of the keys' keeper.
pub(crate) fn refusal(refusal: auth::Refusal) -> Refusal {
    let why = match refusal {
        auth::Refusal::NotConfigured(why) => return Refusal::NotConfigured(why),
        auth::Refusal::Unavailable(why) => return Refusal::SettingsAway(why),
        auth::Refusal::Malformed(why) => format!("it is malformed: {why}"),
        auth::Refusal::BadClaims(why) => format!("its claims do not hold: {why}"),
        auth::Refusal::TooLarge => "it is too large".to_owned(),
        auth::Refusal::UnknownKid => "its `kid` names no key that is known here".to_owned(),
        auth::Refusal::WrongAlgorithm => "its algorithm is not its key's".to_owned(),
        auth::Refusal::BadSignature => "its signature does not hold".to_owned(),
        auth::Refusal::WrongIssuer => "it comes from another issuer".to_owned(),
        auth::Refusal::WrongAudience => "it is for another audience".to_owned(),
        auth::Refusal::Expired => "it has expired".to_owned(),
        auth::Refusal::NotYetValid => "it is not valid yet".to_owned(),
    };
    Refusal::BadToken(why)
}
