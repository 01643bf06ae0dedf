//! The way of a request that is none of Tidegate's own: route, identity, quota, upstream, answer.

use tidegate_api::{Refusal, Settings};
use tidegate_room::Caller;
use tidegate_route::{Method, Miss};
use tidegate_upstream::headers::{self, Forward, HeaderFault};
use tidegate_upstream::{Identity, Route};

use crate::bindings::tidegate::rooms::rooms;
use crate::reply::Reply;
use crate::request::Incoming;
use crate::upstream::{self, Outgoing};
use crate::{convert, identity, quota};

/// Carries out one request.
pub(crate) async fn run(
    settings: &Settings,
    incoming: &mut Incoming,
    request_id: &str,
    taken: &mut Vec<(&'static str, String)>,
) -> Result<Reply, Refusal> {
    let config = upstream::routes::current(settings).await?;
    let path = incoming.path.clone();
    let method = Method::from_name(&incoming.method);
    let (route, found) = match (config.find(method, &path), method) {
        (Err(Miss::Method(allow)), Some(Method::Options)) => {
            return Ok(settings.cors.options(allow, incoming.origin()).into());
        }
        (found, _) => found.map_err(refusal)?,
    };
    // Where a route was found, there is a method.
    let method = method.ok_or(Refusal::NoPath)?;

    let caller = caller(settings, route, incoming).await?;
    let address = incoming.address(settings.trusted_proxies);
    let alarm = &incoming.alarm;
    quota::take_elsewhere(settings, alarm, method, caller.as_ref(), address, taken).await?;
    if let Some(caller) = &caller {
        let (subject, token) = (caller.subject.to_string(), caller.token.clone());
        rooms::check_revoked(convert::place(settings), subject, token)
            .await
            .map_err(convert::refusal)?;
    }

    let body = incoming.body(route.request_max_bytes).await?;
    let with = Forward {
        client: address,
        scheme: incoming.scheme(settings.trusted_proxies),
        host: incoming.authority.as_deref(),
        request_id,
        subject: caller.as_ref().map(|caller| caller.subject.as_str()),
        authorization: route.forward_authorization,
    };
    let mut target = route.target.path(&path, &found.params);
    if !incoming.query.is_empty() {
        target.push('?');
        target.push_str(&incoming.query);
    }
    let request = Outgoing {
        method,
        target,
        fields: headers::forward(&incoming.fields(), &with).map_err(fault)?,
        body: body.into(),
    };
    upstream::ask(
        settings,
        &config.pools[route.pool],
        route,
        &request,
        request_id,
    )
    .await
}

/// Who calls, where the route asks.
async fn caller(
    settings: &Settings,
    route: &Route,
    incoming: &Incoming,
) -> Result<Option<Caller>, Refusal> {
    if route.identity == Identity::None {
        return Ok(None);
    }
    let who = identity::of(incoming, settings).await?;
    match (who.caller(), route.identity) {
        (None, Identity::Required) => Err(Refusal::NoToken),
        (caller, _) => Ok(caller.cloned()),
    }
}

fn refusal(miss: Miss) -> Refusal {
    match miss {
        Miss::Path(error) => Refusal::BadPath(error.to_string()),
        Miss::NotFound => Refusal::NoPath,
        Miss::Method(allow) => Refusal::Method(allow),
    }
}

fn fault(fault: HeaderFault) -> Refusal {
    match fault {
        HeaderFault::TooLarge => Refusal::BadHeader(fault.to_string()),
        HeaderFault::Loop => Refusal::Loop,
    }
}
