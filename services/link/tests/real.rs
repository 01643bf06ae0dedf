//! What a real Redis answers, as this client hands it over, and which Redis a connection leads to.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, Pipeline, Value};
use redis_tests::RedisServer;
use service_link::{LinkError, client, leads_to, open};
use tidegate_stream::calls::{Fault, Remedy};

const SOON: Duration = Duration::from_secs(10);

fn client_of(server: &RedisServer) -> Client {
    client("--redis-url", &server.url(), None, None).unwrap()
}

async fn connect(server: &RedisServer) -> MultiplexedConnection {
    open(&client_of(server), SOON, Some(SOON)).await.unwrap().0
}

async fn ask(connection: &mut MultiplexedConnection, words: &[&str]) -> Result<Value, LinkError> {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    Ok(command.query_async(connection).await?)
}

async fn fault(connection: &mut MultiplexedConnection, words: &[&str]) -> Fault {
    match ask(connection, words).await {
        Err(LinkError::Fault(_, fault)) => fault,
        other => panic!("{words:?}: {other:?}"),
    }
}

#[tokio::test]
async fn each_refusal_of_a_real_redis_is_recognised() {
    let server = RedisServer::start();
    let mut redis = connect(&server).await;
    let redis = &mut redis;
    let good = async |redis: &mut _, words: &[&str]| {
        ask(redis, words).await.unwrap();
    };
    good(redis, &["RPUSH", "list", "1"]).await;
    assert_eq!(
        fault(redis, &["FCALL", "tg_version", "0"]).await,
        Fault::NoLibrary
    );
    assert_eq!(fault(redis, &["GET", "list"]).await, Fault::WrongType);
    assert_eq!(fault(redis, &["GET"]).await, Fault::Refused);
    assert_eq!(fault(redis, &["AUTH", "bob", "no"]).await, Fault::WrongPass);

    good(redis, &["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(fault(redis, &["SET", "a", "b"]).await, Fault::OutOfMemory);
    good(redis, &["CONFIG", "SET", "maxmemory", "0"]).await;

    good(redis, &["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    assert_eq!(fault(redis, &["SET", "a", "b"]).await, Fault::NoReplicas);
    good(redis, &["CONFIG", "SET", "min-replicas-to-write", "0"]).await;

    // A replica whose primary is not there.
    good(redis, &["REPLICAOF", "127.0.0.1", "1"]).await;
    assert_eq!(fault(redis, &["SET", "a", "b"]).await, Fault::ReadOnly);
    good(redis, &["GET", "a"]).await;
    good(redis, &["CONFIG", "SET", "replica-serve-stale-data", "no"]).await;
    assert_eq!(fault(redis, &["GET", "a"]).await, Fault::MasterDown);
    good(redis, &["REPLICAOF", "NO", "ONE"]).await;

    good(redis, &["ACL", "SETUSER", "bob", "on", ">secret", "+get"]).await;
    let mut bob = connect(&server).await;
    ask(&mut bob, &["AUTH", "bob", "secret"]).await.unwrap();
    assert_eq!(fault(&mut bob, &["SET", "a", "b"]).await, Fault::NoPerm);
    // Such a user cannot ask which Redis it is, and is connected all the same.
    let mut url = server.url();
    url.insert_str("redis://".len(), "bob:secret@");
    let of_bob = client("--redis-url", &url, None, None).unwrap();
    assert_eq!(leads_to(&of_bob, SOON).await.unwrap(), None);

    good(redis, &["CONFIG", "SET", "busy-reply-threshold", "1"]).await;
    let mut busy = connect(&server).await;
    let endless = "while true do end";
    let running = tokio::spawn(async move { ask(&mut busy, &["EVAL", endless, "0"]).await });
    while !matches!(
        ask(redis, &["GET", "a"]).await,
        Err(LinkError::Fault(_, Fault::Busy))
    ) {
        tokio::task::yield_now().await;
    }
    good(redis, &["SCRIPT", "KILL"]).await;
    assert!(running.await.unwrap().is_err());
}

#[tokio::test]
async fn a_refusal_inside_of_a_pipeline_or_a_transaction_is_seen() {
    let server = RedisServer::start();
    let mut redis = connect(&server).await;
    ask(&mut redis, &["REPLICAOF", "127.0.0.1", "1"])
        .await
        .unwrap();
    for atomic in [false, true] {
        let mut pipeline = Pipeline::new();
        if atomic {
            pipeline.atomic();
        }
        pipeline.cmd("GET").arg("a").cmd("SET").arg("a").arg("b");
        let error = pipeline
            .query_async::<Vec<Value>>(&mut redis)
            .await
            .unwrap_err();
        let error = LinkError::from(error);
        assert_eq!(error.remedy(), Remedy::ConnectAnew, "{error}");
        assert!(
            matches!(error, LinkError::Fault(_, Fault::ReadOnly)),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_password_that_is_asked_for_or_wrong_may_be_right_later() {
    let server = RedisServer::start();
    let mut first = connect(&server).await;
    ask(&mut first, &["CONFIG", "SET", "requirepass", "secret"])
        .await
        .unwrap();
    for url in [server.url(), server.url().replace("//", "//:wrong@")] {
        let client = client("--redis-url", &url, None, None).unwrap();
        let error = match open(&client, SOON, Some(SOON)).await {
            Err(error) => error,
            // Without one, the first call is told.
            Ok((mut redis, server)) => {
                assert_eq!(server, None);
                ask(&mut redis, &["GET", "a"]).await.unwrap_err()
            }
        };
        assert_eq!(error.remedy(), Remedy::ForGood, "{error}");
        assert!(error.is_away(), "{error:?}");
    }
}

#[tokio::test]
async fn an_address_leads_to_the_same_redis_until_another_is_there() {
    let mut server = RedisServer::start();
    let client = client_of(&server);
    let first = leads_to(&client, SOON).await.unwrap();
    assert!(first.is_some());
    assert_eq!(leads_to(&client, SOON).await.unwrap(), first);
    server.restart();
    assert_ne!(leads_to(&client, SOON).await.unwrap(), first);
    server.stop();
    assert!(matches!(
        leads_to(&client, SOON).await,
        Err(LinkError::Away(_))
    ));
}
