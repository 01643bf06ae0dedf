//! What is done in a room, and what is answered.

use component_link::{LinkError, WAIT_MS};
use tidegate_api::limits::{FULL_RETRY_S, TICKET_MS};
use tidegate_api::{Act, Answer, Refusal, Settings, Who, views};
use tidegate_room::{Acts, BatchItem, IdempotencyKey, Post};
use tidegate_route::Sanction;
use tidegate_stream::RoomId;

use crate::alarm::{Alarm, now_ms};
use crate::bindings::tidegate::auth::auth;
use crate::bindings::tidegate::rooms::rooms;
use crate::convert::{self, actor, place, reader, refusal};
use crate::identity;
use crate::moderation::Judged;
use crate::{log, namespace};

/// Carries an act out. `body` is what was posted, by which a repeat is told; `trace` goes with what is appended.
pub(crate) async fn carry_out(
    settings: &Settings,
    alarm: &Alarm,
    judged: Judged,
    who: &Who,
    body: &[u8],
    trace: String,
) -> Result<Answer, Refusal> {
    let at = place(settings);
    let by = |right| actor(who, right, trace.clone());
    match judged.act {
        Act::Create {
            room,
            settings: own,
        } => {
            let namespace = namespace::of(settings, &room).await?;
            let asked = convert::settings(namespace.fill(own));
            let most = namespace.rooms_max;
            let made = rooms::create(at, room.to_string(), by(Acts::ByScope), asked, most).await;
            let made = made.map_err(refusal)?;
            let location = format!("/v1/rooms/{room}");
            Ok(Answer::json(201, &convert::room(made)).with("location", location))
        }
        Act::Read(room) => {
            let found = rooms::read(at, room.to_string(), reader(who)).await;
            Ok(Answer::json(200, &convert::room(found.map_err(refusal)?)))
        }
        Act::Change {
            room,
            right,
            settings,
        } => {
            let asked = convert::settings(settings);
            let changed = rooms::change(at, room.to_string(), by(right), asked).await;
            Ok(Answer::json(200, &convert::room(changed.map_err(refusal)?)))
        }
        Act::Close { room, right } => done(rooms::close(at, room.to_string(), by(right)).await),
        Act::Publish { room, post, key } => {
            let message = message(who, &room, post, key, body, trace, judged.shadow);
            let receipt = alarm.within(WAIT_MS, rooms::publish(at, message)).await;
            let receipt = receipt.ok_or_else(|| Refusal::Away(LinkError::late().to_string()))?;
            let receipt = receipt.map_err(refusal)?;
            Ok(match receipt {
                rooms::Receipt::Appended(appended) => Answer::json(202, &published(appended)),
                rooms::Receipt::Counted(likes) => Answer::json(202, &views::Liked { likes }),
            })
        }
        Act::Batch(items) => Ok(Answer::json(200, &batch(at, items, who, &trace).await)),
        Act::List(listing) => {
            let namespace = listing.namespace.map(|name| name.as_str().to_owned());
            let after = listing.after.map(|place| rooms::ListPlace {
                online: place.online,
                room: place.room.to_string(),
            });
            let found = rooms::list_rooms(at, reader(who), namespace, after, listing.limit).await;
            Ok(Answer::json(
                200,
                &convert::list(found.map_err(refusal)?, who)?,
            ))
        }
        Act::Disconnect(user) => {
            done(rooms::disconnect(at, by(Acts::ByScope), user.to_string()).await)
        }
        Act::History { room, page } => {
            let after = page.after.map(|cursor| cursor.to_string());
            let found = rooms::history(at, room.to_string(), reader(who), after, page.limit).await;
            Ok(Answer::json(
                200,
                &convert::history(found.map_err(refusal)?),
            ))
        }
        Act::Hide {
            room,
            right,
            message,
        } => done(rooms::hide(at, room.to_string(), by(right), message.to_string()).await),
        Act::Join(room) => join(settings, &room, who).await,
        Act::Sanction {
            room,
            right,
            what,
            user,
            seconds,
        } => {
            let what = match what {
                Sanction::Ban => rooms::Penalty::Ban,
                Sanction::Mute => rooms::Penalty::Mute,
            };
            let user = user.to_string();
            done(rooms::sanction(at, room.to_string(), by(right), what, user, seconds).await)
        }
        Act::Kick { room, right, user } => {
            done(rooms::kick(at, room.to_string(), by(right), user.to_string()).await)
        }
    }
}

fn done(outcome: Result<(), rooms::Refusal>) -> Result<Answer, Refusal> {
    outcome.map(|()| Answer::no_content()).map_err(refusal)
}

fn message(
    who: &Who,
    room: &RoomId,
    post: Post,
    key: Option<IdempotencyKey>,
    body: &[u8],
    trace: String,
    shadow: bool,
) -> rooms::Message {
    let caller = who.caller();
    let (subject, info) = match post.speaker {
        Some(speaker) => (speaker.subject.to_string(), speaker.info),
        None => (
            who.subject().to_string(),
            caller.map(|caller| caller.info.clone()).unwrap_or_default(),
        ),
    };
    rooms::Message {
        room: room.to_string(),
        kind: post.kind.name().to_owned(),
        subject,
        info,
        data: post.data,
        key: key.map(|key| key.to_string()).unwrap_or_default(),
        posted: body.to_vec(),
        trace,
        shadow,
        service: caller.is_some_and(|caller| caller.is_service()),
        follows: caller.is_some_and(|caller| caller.follows.covers(room)),
        moderates: caller.is_some_and(|caller| caller.moderates(room) == Ok(Acts::ByScope)),
        caller: who.subject().to_string(),
        token: caller.and_then(|caller| caller.token.clone()),
    }
}

fn published(appended: rooms::Appended) -> views::Published {
    views::Published {
        id: appended.id,
        cursor: appended.cursor,
    }
}

/// Publishes what may be published, and answers each message in its place.
async fn batch(
    at: rooms::Place,
    items: Vec<Result<BatchItem, Refusal>>,
    who: &Who,
    trace: &str,
) -> views::Batch {
    let mut messages = Vec::new();
    let mut refusals = Vec::new();
    for item in items {
        match item {
            Ok(item) => {
                let (posted, trace) = (item.posted, trace.to_owned());
                messages.push(message(
                    who, &item.room, item.post, item.key, &posted, trace, false,
                ));
                refusals.push(None);
            }
            Err(refusal) => refusals.push(Some(refusal)),
        }
    }
    let names: Vec<String> = messages
        .iter()
        .map(|message| message.room.clone())
        .collect();
    let receipts = rooms::publish_batch(at, messages).await;
    let mut done = names.into_iter().zip(receipts);
    let results = refusals.into_iter().map(|refused| match refused {
        Some(refused) => views::BatchAnswer::Refused(refused.problem()),
        None => match done.next() {
            Some((_, Ok(rooms::Receipt::Appended(appended)))) => views::BatchAnswer::Published {
                status: 202,
                published: published(appended),
            },
            Some((_, Ok(rooms::Receipt::Counted(likes)))) => views::BatchAnswer::Liked {
                status: 202,
                liked: views::Liked { likes },
            },
            Some((room, Err(refused))) => {
                let refused = refusal(refused);
                log::batch_item(&room, &refused);
                views::BatchAnswer::Refused(refused.problem())
            }
            None => views::BatchAnswer::Refused(
                Refusal::Fault("`rooms` left a message unanswered".to_owned()).problem(),
            ),
        },
    });
    views::Batch {
        results: results.collect(),
    }
}

/// A ticket for a room, and the sockets where it is good: this region's first, then the others'.
async fn join(settings: &Settings, room: &RoomId, who: &Who) -> Result<Answer, Refusal> {
    let named = settings.regions.iter().map(|region| rooms::Named {
        region: region.name.to_string(),
        socket: region.socket.clone(),
    });
    let welcome = rooms::join(
        place(settings),
        room.to_string(),
        reader(who),
        named.collect(),
    )
    .await
    .map_err(refusal)?;
    let caller = who.caller();
    let latest_ms = now_ms().saturating_add(TICKET_MS);
    let grant = auth::Grant {
        room: room.to_string(),
        subject: who.subject().to_string(),
        token: caller.and_then(|caller| caller.token.clone()),
        moderator: caller.is_some_and(|caller| {
            caller.is_moderator(room, &welcome.room.owner, &welcome.room.moderators)
        }),
        expires_ms: caller.map_or(latest_ms, |caller| caller.expires_ms.min(latest_ms)),
    };
    let ticket_expires_ms = grant.expires_ms;
    let ticket = auth::ticket(grant).await.map_err(identity::refusal)?;
    let endpoints: Vec<views::Endpoint> = welcome
        .endpoints
        .into_iter()
        .map(|endpoint| views::Endpoint {
            region: endpoint.region,
            url: endpoint.url,
        })
        .collect();
    Ok(Answer::json(
        200,
        &views::Joined {
            room: convert::room(welcome.room),
            subject: who.subject().to_string(),
            ticket,
            ticket_expires_ms,
            cursor: welcome.cursor,
            endpoints,
        },
    ))
}

/// Whether this region can serve by itself.
pub(crate) async fn ready(settings: &Settings) -> Answer {
    let seen = rooms::ready(place(settings)).await;
    let is_ready = seen.detail.is_empty();
    let view = views::Readiness {
        status: if is_ready { "ready" } else { "not_ready" },
        region: settings.region.to_string(),
        redis: seen.redis,
        live_nodes: seen.live_nodes,
        detail: seen.detail,
    };
    if is_ready {
        Answer::json(200, &view)
    } else {
        Answer::json(503, &view).with("retry-after", FULL_RETRY_S.to_string())
    }
}
