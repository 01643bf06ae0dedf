//! Loads of fan-out nodes, from their records in `tg:nodes:R`.

use serde::Deserialize;

use crate::origin::Origin;
use crate::pool::Pool;
use crate::shared::Load;

/// What is read of a record; `docs/redis.md` has the rest.
#[derive(Deserialize)]
struct Record {
    url: String,
    load: f32,
    until_ms: u64,
}

/// Loads of the pool's upstreams, in their order: those that are live nodes, found by host and port. Where several nodes share
/// a URL, the least loaded speaks for them.
pub fn loads<'r>(
    records: impl Iterator<Item = &'r [u8]>,
    pool: &Pool,
    now_ms: u64,
) -> Vec<Option<Load>> {
    let mut loads: Vec<Option<Load>> = vec![None; pool.members().len()];
    for record in records {
        let Ok(record) = serde_json::from_slice::<Record>(record) else {
            continue;
        };
        let url = record.url.trim_end_matches('/');
        // `ws` and `wss` have the ports of `http` and `https`.
        let Some(Ok(origin)) = url
            .strip_prefix("ws")
            .map(|rest| format!("http{rest}").parse::<Origin>())
        else {
            continue;
        };
        if record.until_ms < now_ms || !(0.0..=1.0).contains(&record.load) {
            continue;
        }
        let load = Load {
            // Within 0 to 1,000, by the line above.
            thousandths: (record.load * 1000.0).round() as u32,
            at_ms: now_ms,
        };
        for (member, known) in pool.members().iter().zip(&mut loads) {
            let same =
                (member.origin.host(), member.origin.port()) == (origin.host(), origin.port());
            if same && known.is_none_or(|known| load.thousandths < known.thousandths) {
                *known = Some(load);
            }
        }
    }
    loads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{Balance, Member};

    #[test]
    fn nodes_are_found_by_host_and_port() {
        let members = [
            "http://a.example:7001",
            "https://b.example",
            "http://c.example",
        ]
        .map(|origin| Member {
            origin: origin.parse().unwrap(),
            weight: 1,
        });
        let pool = Pool::new("p", members.to_vec(), Balance::LeastLoaded).unwrap();
        let records = [
            r#"{"url":"ws://a.example:7001","connections":5,"load":0.4,"until_ms":2000}"#,
            r#"{"url":"ws://a.example:7001/","connections":5,"load":0.25,"until_ms":2000}"#,
            r#"{"url":"wss://b.example","load":0.9,"until_ms":1000,"more":1}"#,
            r#"{"url":"ws://c.example","load":0.1,"until_ms":999}"#,
            r#"{"url":"ws://c.example","load":7,"until_ms":2000}"#,
            r#"{"url":"http://c.example","load":0.1,"until_ms":2000}"#,
            "nonsense",
        ];
        let loads = loads(records.iter().map(|record| record.as_bytes()), &pool, 1000);
        let thousandths: Vec<_> = loads
            .iter()
            .map(|load| load.map(|load| load.thousandths))
            .collect();
        assert_eq!(thousandths, [Some(250), Some(900), None]);
    }
}
