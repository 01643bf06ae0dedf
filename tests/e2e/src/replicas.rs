//! Two Redises, one of which follows the other, until they change their roles.

use std::net::Ipv4Addr;

use redis::{Connection, FromRedisValue};
use redis_tests::RedisServer;

use crate::wait::soon;

/// Where the first primary listens.
pub const FIRST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Where its replica listens, at the same port.
pub const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// What both need to follow each other without a wait.
pub const SETTINGS: [(&str, &str); 2] = [("repl-diskless-sync-delay", "0"), ("repl-timeout", "5")];

/// A primary with a replica that has all it has.
pub fn pair(settings: &[(&str, &str)]) -> (RedisServer, RedisServer) {
    let start = |address: Ipv4Addr, port| {
        let announced = address.to_string();
        let own = [("replica-announce-ip", announced.as_str())];
        let all: Vec<_> = SETTINGS
            .iter()
            .chain(settings)
            .chain(&own)
            .copied()
            .collect();
        RedisServer::at(address, port, &all)
    };
    let primary = start(FIRST, None);
    let replica = start(SECOND, Some(primary.port()));
    follow(&replica, &primary);
    (primary, replica)
}

/// One command.
pub fn ask<T: FromRedisValue>(server: &RedisServer, words: &[&str]) -> T {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    let answer = connect(server).and_then(|mut redis| command.query(&mut redis));
    answer.unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

fn connect(server: &RedisServer) -> redis::RedisResult<Connection> {
    redis::Client::open(server.url())?.get_connection()
}

/// Makes one a replica of the other, and waits until it has all.
pub fn follow(replica: &RedisServer, primary: &RedisServer) {
    let (host, port) = (primary.address().to_string(), primary.port().to_string());
    ask::<()>(replica, &["REPLICAOF", &host, &port]);
    soon("the replica has all", || {
        let report: String = ask(replica, &["INFO", "replication"]);
        report.contains("master_link_status:up").then_some(())
    });
}

/// Makes a replica the primary, once it has all that was written.
pub fn promote(replica: &RedisServer, primary: &RedisServer) {
    let at = |server, field: &str| {
        let report: String = ask(server, &["INFO", "replication"]);
        let found = report.lines().find_map(|line| line.strip_prefix(field));
        found.and_then(|number| number.trim().parse::<u64>().ok())
    };
    let reached = at(primary, "master_repl_offset:");
    soon("the replica has caught up", || {
        (at(replica, "slave_repl_offset:") >= reached).then_some(())
    });
    ask::<()>(replica, &["REPLICAOF", "NO", "ONE"]);
}

/// Waits until a primary has noticed that it has no replica any more.
pub fn await_alone(primary: &RedisServer) {
    soon("it has noticed", || {
        let report: String = ask(primary, &["INFO", "replication"]);
        report.contains("connected_slaves:0").then_some(())
    });
}

/// The two change their roles in step, as Redis does it by itself: nothing is lost.
pub fn fail_over(primary: &RedisServer, replica: &RedisServer) {
    let (host, port) = (replica.address().to_string(), replica.port().to_string());
    ask::<()>(primary, &["FAILOVER", "TO", &host, &port]);
    soon("the replica is the primary", || {
        let report: String = ask(replica, &["INFO", "replication"]);
        report.contains("role:master").then_some(())
    });
    soon("the primary is a replica", || {
        let report: String = ask(primary, &["INFO", "replication"]);
        report.contains("role:slave").then_some(())
    });
}

/// Writes so many keys, and the file so, that `key-load-delay` makes reading it again take seconds.
pub fn fill_and_rewrite(server: &RedisServer) {
    let fill = "for n = 1, 6000 do redis.call('SET', 'filler' .. n, string.rep('x', 100)) end";
    ask::<()>(server, &["EVAL", fill, "0"]);
    ask::<()>(server, &["BGREWRITEAOF"]);
    soon("the file is written anew", || {
        let report: String = ask(server, &["INFO", "persistence"]);
        let done =
            report.contains("aof_rewrite_in_progress:0") && report.contains("aof_rewrites:1");
        done.then_some(())
    });
}

/// How many connections wait in it for entries.
pub fn readers(server: &RedisServer) -> usize {
    let list: String = ask(server, &["CLIENT", "LIST"]);
    list.lines()
        .filter(|line| line.contains(" cmd=xread "))
        .count()
}

/// Its clock, ms.
pub fn now_ms(server: &RedisServer) -> u64 {
    let (seconds, micros): (u64, u64) = ask(server, &["TIME"]);
    seconds * 1000 + micros / 1000
}
