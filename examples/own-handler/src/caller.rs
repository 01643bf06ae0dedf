//! Who votes, and how often: the calls to Tidegate's components.

use spin_sdk::http::HeaderMap;
use tidegate_auth::refresh::Want;

use crate::answer::Refusal;
use crate::bindings::tidegate::auth::auth;
use crate::bindings::tidegate::limits::limits;
use crate::bindings::tidegate::rooms::rooms;
use crate::published;
use crate::settings::Settings;

/// The subject of the token in `Authorization: Bearer …`, if neither it nor the subject was revoked.
pub(crate) async fn of(headers: &HeaderMap, settings: &Settings) -> Result<String, Refusal> {
    let mut sent = headers.get_all("authorization").iter();
    let (Some(value), None) = (sent.next(), sent.next()) else {
        return Err(Refusal::NoToken);
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or(Refusal::NoToken)?;
    let identity = identify(token, settings).await?;
    check_revoked(&identity, settings).await?;
    Ok(identity.subject)
}

/// Judges a token, once more with newer keys if it names one that is not known.
async fn identify(token: &str, settings: &Settings) -> Result<auth::Identity, Refusal> {
    let judge = |keys: Option<String>| auth::identify(token.to_owned(), Vec::from_iter(keys));
    let Some(url) = &settings.jwks_url else {
        return judge(None).await.map_err(refusal);
    };
    let known = published::keys(settings, url, Want::Fresh).await;
    match judge(known).await {
        Err(auth::Refusal::UnknownKid) => {
            match published::keys(settings, url, Want::Newer).await {
                Some(newer) => judge(Some(newer)).await.map_err(refusal),
                // Nobody can say whether the token is good.
                None => Err(Refusal::Away(format!("no keys from {url} yet"))),
            }
        }
        judged => judged.map_err(refusal),
    }
}

fn refusal(refusal: auth::Refusal) -> Refusal {
    match refusal {
        auth::Refusal::NotConfigured(why) => Refusal::Fault(why),
        auth::Refusal::Unavailable(why) => Refusal::Away(why),
        _ => Refusal::BadToken,
    }
}

/// Tidegate's revocations are bans of the room `!all`; `rooms` knows them, a second late at most.
async fn check_revoked(identity: &auth::Identity, settings: &Settings) -> Result<(), Refusal> {
    let place = rooms::Place {
        redis_url: settings.redis_url.clone(),
        prefix: settings.prefix.clone(),
        region: settings.region.clone(),
        // How much a room keeps matters to who writes there.
        chat_max: 1,
        keep_max: 1,
        log_max: 1,
        retention_ms: 1,
    };
    let (subject, token) = (identity.subject.clone(), identity.token.clone());
    match rooms::check_revoked(place, subject, token).await {
        Ok(()) => Ok(()),
        Err(rooms::Refusal::Revoked) => Err(Refusal::BadToken),
        Err(rooms::Refusal::BadArgument(why) | rooms::Refusal::Layout(why)) => {
            Err(Refusal::Fault(why))
        }
        Err(other) => Err(Refusal::Away(format!("{other:?}"))),
    }
}

/// Takes one vote from what the subject may do: three at once, then one a second.
pub(crate) async fn take_one_vote(subject: &str, settings: &Settings) -> Result<(), Refusal> {
    let policy = limits::Policy {
        name: "votes".to_owned(),
        partition: subject.to_owned(),
        quota: 1,
        window_ms: 1_000,
        burst: 3,
        cost: 1,
    };
    let (redis_url, prefix) = (settings.redis_url.clone(), settings.prefix.clone());
    match limits::check(redis_url, prefix, vec![policy]).await {
        Ok(verdict) if verdict.allowed => Ok(()),
        Ok(verdict) => Err(Refusal::Limited {
            retry_s: verdict.retry_after_ms.div_ceil(1_000).max(1),
        }),
        Err(limits::Fault::BadPolicy(why)) => Err(Refusal::Fault(why)),
        Err(limits::Fault::Unreachable(why) | limits::Fault::Library(why)) => {
            Err(Refusal::Away(why))
        }
        Err(limits::Fault::Full) => Err(Refusal::Away("Redis is full".to_owned())),
    }
}
