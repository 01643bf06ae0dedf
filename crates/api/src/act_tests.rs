//! Calls as they come in, and what becomes of them.

use super::*;
use crate::quota::Counted;
use tidegate_auth::{Rooms, Scopes};
use tidegate_room::Denied;
use tidegate_route::{Call, Calls};

fn known(scope: &str) -> Who {
    Who::Known(Caller {
        subject: "alice".parse().unwrap(),
        info: String::new(),
        scopes: Scopes::from_claim(scope),
        rooms: Rooms::Every,
        follows: Rooms::none(),
        token: None,
        expires_ms: 0,
    })
}

fn guest() -> Who {
    Who::Guest(Subject::guest(7))
}

fn ask(who: &Who, line: &str, headers: &[(&str, &str)], body: &str) -> Result<Act, Refusal> {
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let Call::Rooms(call) = Calls::default().read(method, path)? else {
        panic!("{line} is not about rooms");
    };
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    let given = Given {
        region: &"eu".parse().unwrap(),
        random: 1,
        headers: &headers,
        query,
        body: body.as_bytes(),
    };
    Act::read(call, who, &given)
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn guests_read_and_do_nothing_else() {
    for line in [
        "GET /v1/rooms",
        "GET /v1/rooms?limit=5&namespace=demo",
        "GET /v1/rooms/a",
        "GET /v1/rooms/a/messages",
        "POST /v1/rooms/a/join",
    ] {
        assert!(ask(&guest(), line, &[], "").is_ok(), "{line}");
    }
    for line in [
        "GET /v1/rooms/~alice",
        "GET /v1/rooms/!all/messages",
        "POST /v1/rooms/~alice/join",
        "POST /v1/rooms",
        "PATCH /v1/rooms/a",
        "DELETE /v1/rooms/a",
        "POST /v1/rooms/a/messages",
        "DELETE /v1/rooms/a/messages/eu-1-0",
        "PUT /v1/rooms/a/bans/bob",
        "DELETE /v1/rooms/a/mutes/bob",
        "POST /v1/rooms/a/kick",
        "POST /v1/messages",
        "POST /v1/users/bob/disconnect",
    ] {
        assert_eq!(
            ask(&guest(), line, &[JSON], "{}"),
            Err(Refusal::NoToken),
            "{line}"
        );
    }
}

#[test]
fn a_message_is_read_with_its_key() {
    let body = r#"{"kind":"chat","data":{"text":"hi"}}"#;
    let headers = [JSON, ("idempotency-key", "k1")];
    let act = ask(
        &known("publish"),
        "POST /v1/rooms/a/messages",
        &headers,
        body,
    )
    .unwrap();
    let Act::Publish { key, .. } = &act else {
        panic!("a message");
    };
    assert_eq!(key.as_ref().unwrap().as_str(), "k1");
    assert!(matches!(act.weight(), Weight::Message { .. }));
}

#[test]
fn messages_are_refused_for_what_they_are() {
    let publish = |who: &Who, headers: &[(&str, &str)], body: &str| {
        ask(who, "POST /v1/rooms/a/messages", headers, body)
            .unwrap_err()
            .status()
    };
    let viewer = known("publish");
    let chat = r#"{"kind":"chat","data":{}}"#;
    assert_eq!(publish(&viewer, &[], chat), 415);
    assert_eq!(publish(&viewer, &[JSON], "{"), 400);
    assert_eq!(publish(&viewer, &[JSON], "{}"), 422);
    assert_eq!(
        publish(&viewer, &[JSON, ("idempotency-key", "a b")], chat),
        400
    );
    assert_eq!(
        publish(&viewer, &[JSON], r#"{"kind":"gift","data":{}}"#),
        403
    );
    assert_eq!(publish(&known(""), &[JSON], chat), 403);
    let like = r#"{"kind":"like"}"#;
    assert_eq!(
        publish(&viewer, &[JSON, ("idempotency-key", "k")], like),
        422
    );
    let spoken = r#"{"kind":"chat","data":{},"as":{"sub":"bob"}}"#;
    assert_eq!(publish(&viewer, &[JSON], spoken), 403);
}

#[test]
fn a_service_gives_gifts_in_anothers_name() {
    let body = r#"{"kind":"gift","data":{"gift":"rose"},"as":{"sub":"bob"}}"#;
    assert!(
        ask(
            &known("service"),
            "POST /v1/rooms/a/messages",
            &[JSON],
            body
        )
        .is_ok()
    );
}

#[test]
fn sanctions_take_a_body_or_none() {
    let moderator = known("moderate");
    let seconds = |line: &str, headers: &[(&str, &str)], body: &str| match ask(
        &moderator, line, headers, body,
    ) {
        Ok(Act::Sanction { seconds, .. }) => Ok(seconds),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.status()),
    };
    let put = "PUT /v1/rooms/a/bans/bob";
    assert_eq!(seconds(put, &[], ""), Ok(None));
    assert_eq!(seconds(put, &[JSON], r#"{"seconds":60}"#), Ok(Some(60)));
    assert_eq!(seconds(put, &[], r#"{"seconds":60}"#), Err(415));
    assert_eq!(seconds(put, &[JSON], r#"{"seconds":0}"#), Err(422));
    assert_eq!(
        seconds("DELETE /v1/rooms/a/mutes/bob", &[], ""),
        Ok(Some(0))
    );
    let token = "jti:ba7816bf8f01cfea414140de5dae2223";
    assert_eq!(
        seconds(&format!("PUT /v1/rooms/a/bans/{token}"), &[], ""),
        Err(422)
    );
    assert_eq!(
        seconds(&format!("PUT /v1/rooms/!all/bans/{token}"), &[], ""),
        Err(403)
    );
    let service = known("service");
    assert!(
        ask(
            &service,
            &format!("PUT /v1/rooms/!all/bans/{token}"),
            &[],
            ""
        )
        .is_ok()
    );
    assert!(
        ask(
            &service,
            &format!("PUT /v1/rooms/!all/mutes/{token}"),
            &[],
            ""
        )
        .is_err()
    );
}

#[test]
fn rights_are_by_scope_or_by_the_room() {
    let right =
        |scope: &str, line: &str| match ask(&known(scope), line, &[JSON], r#"{"title":"x"}"#) {
            Ok(Act::Change { right, .. } | Act::Close { right, .. } | Act::Hide { right, .. }) => {
                right
            }
            other => panic!("{other:?}"),
        };
    assert_eq!(right("rooms:write", "PATCH /v1/rooms/a"), Acts::ByScope);
    assert_eq!(right("moderate", "DELETE /v1/rooms/a"), Acts::AsOwner);
    assert_eq!(
        right("moderate", "DELETE /v1/rooms/a/messages/eu-1-0"),
        Acts::ByScope
    );
    assert_eq!(
        right("publish", "DELETE /v1/rooms/a/messages/eu-1-0"),
        Acts::AsModerator
    );
    assert_eq!(
        ask(&known("rooms:write"), "DELETE /v1/rooms/~alice", &[], ""),
        Err(Refusal::Denied(Denied::Reserved("~alice".parse().unwrap())))
    );
}

#[test]
fn back_ends_send_batches_and_disconnect() {
    let service = known("service");
    let body = r#"{"messages":[{"room":"a","kind":"gift","data":{}},{"room":"b","kind":"nonsense"},{"room":"~bob","kind":"control","data":{}}]}"#;
    let Ok(Act::Batch(items)) = ask(&service, "POST /v1/messages", &[JSON], body) else {
        panic!("a batch");
    };
    let statuses: Vec<u16> = items
        .iter()
        .map(|item| item.as_ref().map_or_else(Refusal::status, |_| 202))
        .collect();
    assert_eq!(statuses, [202, 422, 202]);
    let act = Act::Batch(items);
    assert_eq!(act.weight(), Weight::Change { room: None });
    // A gift, what is refused, and a control message.
    let mut policies = crate::quota::tests::policies();
    assert_eq!(Counted::of(&policies, &act).units, 3);
    policies.costs.insert("gift".parse().unwrap(), 5);
    assert_eq!(Counted::of(&policies, &act).units, 7);
    assert_eq!(
        ask(&service, "POST /v1/users/bob/disconnect", &[], ""),
        Ok(Act::Disconnect("bob".parse().unwrap()))
    );
    let everything = known("publish publish:gift publish:control rooms:write moderate");
    for line in ["POST /v1/messages", "POST /v1/users/bob/disconnect"] {
        assert_eq!(
            ask(&everything, line, &[JSON], body),
            Err(Refusal::ServiceOnly)
        );
    }
    let large = limits::BATCH_BODY_BYTES;
    assert_eq!(body_bytes(&RoomsCall::PublishBatch, &service), large);
    for who in [&everything, &guest()] {
        assert!(body_bytes(&RoomsCall::PublishBatch, who) < large);
    }
}

#[test]
fn the_list_shows_whom_the_caller_may_read() {
    let room = |id: &str| id.parse::<RoomId>().unwrap();
    assert!(guest().may_see(&room("a"), true) && !guest().may_see(&room("a"), false));
    assert!(known("").may_see(&room("a"), false));
    let Who::Known(mut caller) = known("") else {
        panic!("a caller")
    };
    caller.rooms = Rooms::from_patterns(Some(&["demo.*"])).unwrap();
    let some = Who::Known(caller);
    assert!(some.may_see(&room("demo.a"), false) && !some.may_see(&room("a"), true));
    for bad in ["limit=0", "after=x", "namespace=a.b"] {
        let line = format!("GET /v1/rooms?{bad}");
        let refusal = ask(&guest(), &line, &[], "").unwrap_err();
        assert_eq!(refusal.status(), 400, "{bad}");
    }
}

#[test]
fn history_and_joins_are_read() {
    let viewer = known("");
    let status = |line: &str| ask(&viewer, line, &[], "").map_err(|refusal| refusal.status());
    assert!(status("GET /v1/rooms/a/messages?after=1&limit=200").is_ok());
    assert_eq!(status("GET /v1/rooms/a/messages?limit=201"), Err(400));
    assert_eq!(status("GET /v1/rooms/a/messages?after=x"), Err(400));
    assert_eq!(status("GET /v1/rooms/a/messages?after=%zz"), Err(400));
    assert_eq!(status("POST /v1/rooms/!all/join"), Err(422));
    assert!(status("POST /v1/rooms/~alice/join").is_ok());
    assert_eq!(status("POST /v1/rooms/~bob/join"), Err(403));
}

#[test]
fn a_room_gets_an_id() {
    let owner = known("rooms:write");
    let Ok(Act::Create { room, .. }) = ask(&owner, "POST /v1/rooms", &[JSON], "{}") else {
        panic!("a room");
    };
    assert_eq!(room.as_str(), "default.eu-0000000000001");
    assert_eq!(
        ask(&known("publish"), "POST /v1/rooms", &[JSON], "{}")
            .unwrap_err()
            .status(),
        403
    );
}
