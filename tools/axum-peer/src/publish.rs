//! The way of a message: route, identity, quota, moderation, room, answer, as the router's pipeline has it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, Response, Uri};
use tidegate_api::act::Given;
use tidegate_api::quota::{self, Counted};
use tidegate_api::{Access, Act, Answer, Headers, Refusal, Who, views};
use tidegate_auth::{Expected, token};
use tidegate_limit::{Standing, header};
use tidegate_moderation::Verdict;
use tidegate_room::Caller;
use tidegate_route::Call;
use tidegate_stream::calls::{CallError, Limit, PolicyLine, Publish, PublishFlags, Receipt};

use crate::peer::Peer;

const ROUTE: &str = "/v1/rooms/{room}/messages";

/// Answers one message, and logs it.
pub async fn handle(
    State(peer): State<Arc<Peer>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let begun = Instant::now();
    let headers: Headers<'_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let request_id = headers
        .request_id()
        .map_or_else(next_request_id, str::to_owned);
    let mut told = Vec::new();
    let request = Request {
        peer: &peer,
        client,
        path: uri.path(),
        method: method.as_str(),
        headers: &headers,
        body: &body,
    };
    let answer = request.run(&mut told).await;
    let answer = answer.unwrap_or_else(|refusal| refusal.answer());
    let answer = peer.settings.cors.apply(answer.with_all(told), None);
    log(&request_id, method.as_str(), answer.status, begun.elapsed());
    respond(answer.finish(&request_id))
}

struct Request<'r> {
    peer: &'r Peer,
    client: SocketAddr,
    path: &'r str,
    method: &'r str,
    headers: &'r Headers<'r>,
    body: &'r [u8],
}

impl Request<'_> {
    async fn run(&self, told: &mut Vec<(&'static str, String)>) -> Result<Answer, Refusal> {
        let peer = self.peer;
        let Call::Rooms(call) = peer.calls.read(self.method, self.path)? else {
            return Err(Refusal::NoPath);
        };
        let who = Who::Known(self.caller()?);
        let given = Given {
            region: &peer.settings.region,
            random: 0,
            headers: self.headers,
            query: "",
            body: self.body,
        };
        let act = Act::read(call, &who, &given)?;
        self.take(&act, &who, told).await?;
        let Act::Publish { room, post, key } = act else {
            return Err(Refusal::NoPath);
        };
        let caller = who.caller().ok_or(Refusal::NoToken)?;
        let (data, shadow) = match peer.rules.judge(room.namespace(), &post.data) {
            Verdict::Allow => (post.data, false),
            Verdict::Replace(data) => (data, false),
            Verdict::Shadow => (post.data, true),
            Verdict::Reject(why) => return Err(Refusal::Rejected(why.to_owned())),
        };
        let publish = Publish {
            region: &peer.settings.region,
            room: &room,
            kind: post.kind.name().parse().map_err(fault)?,
            subject: &caller.subject,
            info: &caller.info,
            data: &data,
            key: key.as_ref().map_or("", |key| key.as_str()),
            posted: self.body,
            trace: self.headers.traceparent(),
            flags: PublishFlags {
                may_enter: true,
                shadow,
                follows: caller.follows.covers(&room),
                moderates: caller.moderates(&room).is_ok(),
                service: caller.is_service(),
            },
        };
        let replies = peer
            .redis
            .call(&publish.call(&peer.keys, &peer.bounds))
            .await?;
        match publish.answer(&replies).map_err(refused)? {
            Receipt::Appended(appended) => Ok(Answer::json(
                202,
                &views::Published {
                    id: appended.id.to_string(),
                    cursor: appended.cursor.to_string(),
                },
            )),
            Receipt::Counted { total } => Ok(Answer::json(202, &views::Liked { likes: total })),
        }
    }

    fn caller(&self) -> Result<Caller, Refusal> {
        let peer = self.peer;
        let bearer = self.headers.bearer()?.ok_or(Refusal::NoToken)?;
        let expected = Expected {
            issuer: &peer.issuer,
            audience: &peer.audience,
        };
        let identity = token::verify(bearer, &[&peer.token_keys], &expected, now_ms())
            .map_err(|refusal| Refusal::BadToken(refusal.to_string()))?;
        Ok(Caller {
            subject: identity.subject,
            info: identity.info,
            scopes: identity.scopes,
            rooms: identity.rooms,
            follows: identity.follows,
            token: identity.token.map(|hash| hash.to_string()),
            expires_ms: identity.expires_ms,
        })
    }

    /// All limits in one round trip.
    async fn take(
        &self,
        act: &Act,
        who: &Who,
        told: &mut Vec<(&'static str, String)>,
    ) -> Result<(), Refusal> {
        let peer = self.peer;
        let policies = &peer.settings.policies;
        let counted = Counted::of(policies, act);
        let lines = quota::lines(policies, counted, Some(self.client.ip()), who.caller());
        let asked = lines
            .iter()
            .map(|line| {
                let numbers = line.policy.numbers(line.cost).map_err(fault)?;
                Ok(PolicyLine {
                    key: peer.keys.limit(line.name, &line.partition),
                    emission_us: numbers.emission_us,
                    burst: numbers.burst,
                    cost: numbers.cost,
                })
            })
            .collect::<Result<Vec<_>, Refusal>>()?;
        let limit = Limit { policies: &asked };
        let replies = peer.redis.call(&limit.call()).await?;
        let answer = limit.answer(&replies).map_err(refused)?;
        let standings: Vec<Standing> = answer
            .standings
            .iter()
            .map(|standing| Standing {
                allowed: standing.allowed,
                remaining: u32::try_from(standing.remaining).unwrap_or(u32::MAX),
                reset_ms: standing.reset_ms,
                retry_ms: standing.retry_ms,
            })
            .collect();
        *told = quota::headers(&lines, &standings);
        if answer.allowed {
            return Ok(());
        }
        let longest_ms = standings.iter().map(|standing| standing.retry_ms).max();
        Err(Refusal::Limited {
            retry_s: header::retry_after_s(longest_ms.unwrap_or(0)),
            policies: lines.iter().map(|line| line.name).collect(),
        })
    }
}

fn respond(answer: Answer) -> Response<Body> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = answer.body.map(|(_, text)| text).unwrap_or_default();
    response.body(body.into()).unwrap_or_default()
}

fn log(request_id: &str, method: &str, status: u16, took: Duration) {
    let access = Access {
        at_ms: now_ms(),
        method,
        route: Some(ROUTE),
        status,
        duration_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        request_id,
        trace_id: None,
    };
    if let Some(line) = access.line() {
        println!("{line}");
    }
}

fn next_request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

fn fault(error: impl std::fmt::Display) -> Refusal {
    Refusal::Fault(error.to_string())
}

fn refused(error: CallError) -> Refusal {
    match error {
        CallError::Refused(refusal) => Refusal::Fault(format!("{refusal:?}")),
        other => fault(other),
    }
}
