//! A call that goes on to an upstream: chosen, asked, asked once more, or answered in its place.

mod keys;
pub(crate) mod routes;
mod send;
mod stale;
mod state;
mod turn;

use std::rc::Rc;

use tidegate_api::{Refusal, Settings};
use tidegate_route::Method;
use tidegate_upstream::attempt::{self, End};
use tidegate_upstream::degrade::{self, Answer, Fallbacks};
use tidegate_upstream::headers::{DEGRADED, Field};
use tidegate_upstream::limits::RETRY_AFTER_S;
use tidegate_upstream::{Pool, Route};

use self::send::Given;
use crate::alarm::now_ms;
use crate::log;
use crate::reply::{Passed, Reply};

/// A request as it is sent on.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) body: Rc<[u8]>,
}

/// Sends a request to the pool of its route, and answers.
pub(crate) async fn ask(
    settings: &Settings,
    pool: &Pool,
    route: &Route,
    request: &Outgoing,
    request_id: &str,
) -> Result<Reply, Refusal> {
    let until_ms = now_ms().saturating_add(pool.times.total_ms);
    let (mut tried, mut attempts, mut last) = (None, 0, None);
    while let Some(turn) = turn::take(settings, pool, tried).await {
        attempts += 1;
        let left_ms = until_ms.saturating_sub(now_ms());
        let (end, given) = send::send(
            turn.origin(),
            &pool.times,
            left_ms,
            request,
            route.response_max_bytes,
        )
        .await;
        if let End::Failed(why) = &end {
            log::upstream(request_id, pool.name(), turn.origin(), why);
        }
        let load = given.as_ref().and_then(|given| given.load.clone());
        tried = Some(turn.index());
        turn.give_back(settings, pool, end.outcome(), load.as_deref())
            .await;
        let again = attempt::again(
            request.method,
            attempts,
            &end,
            until_ms.saturating_sub(now_ms()),
        );
        last = Some((end, given));
        if !again {
            break;
        }
    }
    let (end, given) = last.unzip();
    conclude(settings, route, request, end, given.flatten()).await
}

/// The answer: the upstream's, or the best that there is in its place.
async fn conclude(
    settings: &Settings,
    route: &Route,
    request: &Outgoing,
    end: Option<End>,
    given: Option<Given>,
) -> Result<Reply, Refusal> {
    let entry = stale::Entry::of(settings, route, request);
    let mut there = Fallbacks {
        stale: false,
        default: route.default.is_some(),
    };
    let mut kept = None;
    // Only who needs it looks for it.
    if degrade::decide(
        request.method,
        end.as_ref(),
        Fallbacks {
            stale: true,
            ..there
        },
    ) == Answer::Stale
    {
        kept = match &entry {
            Some(entry) => entry.find(settings, route.stale_s).await,
            None => None,
        };
        there.stale = kept.is_some();
    }
    let unavailable = || Refusal::NoUpstream {
        retry_s: RETRY_AFTER_S,
    };
    let passed = match degrade::decide(request.method, end.as_ref(), there) {
        Answer::Upstream => {
            let given = given.ok_or_else(unavailable)?;
            if let Some(entry) = &entry {
                entry.keep(settings, route.stale_s, &given).await;
            }
            Passed {
                status: given.status,
                fields: given.fields,
                body: Some(given.body),
            }
        }
        Answer::Stale => {
            let (age_s, kept) = kept.ok_or_else(unavailable)?;
            let mut fields = kept.fields;
            fields.retain(|(name, _)| name != "age");
            fields.push(("age".to_owned(), age_s.to_string().into_bytes()));
            marked(200, fields, kept.body, "stale")
        }
        Answer::Default => {
            let default = route.default.as_ref().ok_or_else(unavailable)?;
            let content_type = default.content_type.clone().into_bytes();
            let fields = vec![
                ("content-type".to_owned(), content_type),
                ("cache-control".to_owned(), b"no-store".to_vec()),
            ];
            marked(
                default.status,
                fields,
                default.body.clone().into_bytes(),
                "default",
            )
        }
        Answer::TooLarge => {
            return Err(Refusal::UpstreamTooLarge {
                most_bytes: route.response_max_bytes,
            });
        }
        Answer::Unavailable => return Err(unavailable()),
    };
    Ok(Reply::Passed(without_body(passed, request.method)))
}

fn marked(status: u16, mut fields: Vec<Field>, body: Vec<u8>, how: &str) -> Passed {
    fields.push((DEGRADED.to_owned(), how.as_bytes().to_vec()));
    Passed {
        status,
        fields,
        body: Some(body),
    }
}

/// The answer to `HEAD` is that to `GET` without its body.
fn without_body(mut passed: Passed, method: Method) -> Passed {
    if method == Method::Head {
        passed.body = None;
    }
    passed
}
