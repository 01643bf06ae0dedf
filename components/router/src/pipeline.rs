//! The way of a request: route, identity, quota, moderation, room, answer.

use tidegate_api::act::{self, Act, Given};
use tidegate_api::{Answer, Refusal, document, views};
use tidegate_route::call::is_own;
use tidegate_route::{Call, Calls, RouteError};

use crate::reply::Reply;
use crate::request::Incoming;
use crate::{elsewhere, identity, moderation, quota, room, settings};

thread_local! {
    static CALLS: Calls = Calls::default();
}

/// The pattern of a request's route.
pub(crate) fn route(incoming: &Incoming) -> Option<&'static str> {
    CALLS.with(|calls| calls.pattern(&incoming.method, &incoming.path))
}

/// Carries out one request. What it took from the caller's quota is told in `taken`, whatever comes after.
pub(crate) async fn run(
    incoming: &mut Incoming,
    request_id: &str,
    taken: &mut Vec<(&'static str, String)>,
) -> Result<Reply, Refusal> {
    let routed = CALLS.with(|calls| calls.read(&incoming.method, &incoming.path));
    if routed == Ok(Call::Health) {
        return Ok(Answer::json(200, &views::Health { status: "alive" }).into());
    }
    let settings = settings::current().await?;
    let call = match routed {
        Err(RouteError::Method(allow)) if incoming.method == "OPTIONS" => {
            return Ok(settings.cors.options(allow, incoming.origin()).into());
        }
        Ok(Call::Rooms(call)) => call,
        Ok(Call::Document) => return Ok(document::answer(incoming.if_none_match()).into()),
        Ok(_) => return Ok(room::ready(&settings).await.into()),
        Err(RouteError::NotFound) if !is_own(&incoming.path) => {
            return elsewhere::run(&settings, incoming, request_id, taken).await;
        }
        Err(error) => return Err(error.into()),
    };

    let who = identity::of(incoming, &settings).await?;
    let body = match act::takes_body(&call) {
        true => incoming.body(act::body_bytes(&call, &who)).await?,
        false => Vec::new(),
    };
    let given = Given {
        region: &settings.region,
        random: wasi::random::random::get_random_u64(),
        headers: &incoming.headers(),
        query: &incoming.query,
        body: &body,
    };
    let act = Act::read(call, &who, &given)?;
    let address = incoming.address(settings.trusted_proxies);
    let alarm = &incoming.alarm;
    quota::take(&settings, alarm, &act, &who, address, taken).await?;
    let judged = moderation::judge(&settings, alarm, act, &who).await?;
    let trace = incoming.trace().map(|trace| trace.as_str().to_owned());
    let trace = trace.unwrap_or_default();
    let answer = room::carry_out(&settings, alarm, judged, &who, &body, trace).await?;
    Ok(answer.into())
}
