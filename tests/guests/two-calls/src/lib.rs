//! A component that asks Redis for what a publish asks it, the same two functions with the same arguments each time, and
//! does nothing else: no token, no rules, no other component. What is left is the host's, for any guest that does as much.

use std::cell::RefCell;
use std::rc::Rc;

use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;
use spin_sdk::redis::{Connection, RedisParameter, RedisResult};
use spin_sdk::variables;
use tidegate_stream::calls::{
    Bounds, FunctionCall, Limit, PolicyLine, Publish, PublishFlags, Published,
};
use tidegate_stream::{Keys, Region, RoomId, ShardCount, Subject};

const ANSWER: &str = "ok\n";
const DATA: &str = r#"{"text":"A line of chat that is neither long nor short, as they come."}"#;

/// What every request sends, and over what.
struct Ready {
    connection: Connection,
    calls: [FunctionCall; 2],
}

thread_local! {
    static READY: RefCell<Option<Rc<Ready>>> = const { RefCell::new(None) };
}

#[http_service]
async fn ask(_: Request) -> anyhow::Result<Response<FullBody<&'static [u8]>>> {
    let ready = ready().await?;
    for call in &ready.calls {
        let words: Vec<_> = call.arguments().map(RedisParameter::Binary).collect();
        let answer = ready.connection.execute(call.verb(), words).await?;
        let is_refused =
            matches!(&answer[..], [RedisResult::Binary(word), ..] if word == b"refused");
        anyhow::ensure!(!is_refused, "Redis refused: {answer:?}");
    }
    let answer = Response::builder()
        .header("content-type", "text/plain")
        .header("content-length", ANSWER.len())
        .body(FullBody::new(ANSWER.as_bytes()))?;
    Ok(answer)
}

async fn ready() -> anyhow::Result<Rc<Ready>> {
    if let Some(ready) = READY.with_borrow(Clone::clone) {
        return Ok(ready);
    }
    let ready = Rc::new(Ready {
        connection: Connection::open(variables::get("redis_url").await?).await?,
        calls: calls(
            &variables::get("prefix").await?,
            variables::get("region").await?.parse()?,
            variables::get("room").await?.parse()?,
        )?,
    });
    READY.set(Some(Rc::clone(&ready)));
    Ok(ready)
}

/// Three limits that never refuse, and a message into a room that is there.
fn calls(prefix: &str, region: Region, room: RoomId) -> anyhow::Result<[FunctionCall; 2]> {
    let keys = Keys::new(prefix, ShardCount::default());
    let policies = ["ip", "user", "room"].map(|name| PolicyLine {
        key: keys.limit(name, "two-calls"),
        emission_us: 1,
        burst: 1_000_000,
        cost: 1,
    });
    let subject: Subject = "two-calls".parse()?;
    let publish = Publish {
        flags: PublishFlags {
            may_enter: true,
            ..PublishFlags::default()
        },
        ..Publish::plain(&region, &room, Published::Chat, &subject, DATA)
    };
    let limit = Limit {
        policies: &policies,
    };
    Ok([limit.call(), publish.call(&keys, &Bounds::default())])
}
