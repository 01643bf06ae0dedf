//! Who votes, and how often: the two calls to Tidegate's components.

use spin_sdk::http::HeaderMap;
use spin_sdk::variables;

use crate::answer::Refusal;
use crate::bindings::tidegate::auth::auth;
use crate::bindings::tidegate::limits::limits;

/// The subject of the token in `Authorization: Bearer …`.
pub(crate) async fn of(headers: &HeaderMap) -> Result<String, Refusal> {
    let mut sent = headers.get_all("authorization").iter();
    let (Some(value), None) = (sent.next(), sent.next()) else {
        return Err(Refusal::NoToken);
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or(Refusal::NoToken)?;
    match auth::identify(token.to_owned(), Vec::new()).await {
        Ok(identity) => Ok(identity.subject),
        Err(auth::Refusal::NotConfigured(why)) => Err(Refusal::Fault(why)),
        Err(_) => Err(Refusal::BadToken),
    }
}

/// Takes one vote from what the subject may do: three at once, then one a second.
pub(crate) async fn take_one_vote(subject: &str) -> Result<(), Refusal> {
    let policy = limits::Policy {
        name: "votes".to_owned(),
        partition: subject.to_owned(),
        quota: 1,
        window_ms: 1_000,
        burst: 3,
        cost: 1,
    };
    let redis_url = variable("redis_url").await?;
    let prefix = variable("prefix").await?;
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

/// A variable of this component.
pub(crate) async fn variable(name: &str) -> Result<String, Refusal> {
    variables::get(name)
        .await
        .map_err(|error| Refusal::Fault(format!("the variable `{name}`: {error}")))
}
