//! Taking back what this region lost, from one other region: every shard at once, step by step.

use redis::{Cmd, Value};
use tidegate_relay::{Step, TakeBack};
use tidegate_stream::calls::{MOST_RELAYED, Relay, Whole};
use tidegate_stream::{Shard, StreamId};

use super::Shared;
use crate::connection::{Link, LinkError, flatten, function, words};
use crate::values::{entries, first_id};

/// What came of it.
#[derive(Debug, Default)]
pub struct Taken {
    /// Entries that came back.
    pub back: u64,
    /// Entries that stay there only.
    pub left: u64,
}

/// Takes back, until every shard is whole as far as that region can help.
pub async fn all(shared: &Shared, home: &Link, source: &Link) -> Result<Taken, LinkError> {
    let mut shards: Vec<(Shard, TakeBack)> = shared
        .keys
        .shards()
        .all()
        .map(|shard| (shard, TakeBack::default()))
        .collect();
    loop {
        let steps: Vec<Step> = shards.iter().map(|(_, back)| back.step()).collect();
        if steps.iter().all(|step| *step == Step::Done) {
            break;
        }
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for ((shard, _), step) in shards.iter().zip(&steps) {
            match step {
                Step::Read(after) => there.push(read(shared, *shard, *after)),
                Step::Done => {}
                other => here.push(command(shared, *shard, other)),
            }
        }
        let (here, there) = tokio::try_join!(home.all(here), source.all(there))?;
        let (mut here, mut there) = (here.into_iter(), there.into_iter());
        for ((_, back), step) in shards.iter_mut().zip(&steps) {
            let answer = match step {
                Step::Read(_) => there.next(),
                Step::Done => None,
                _ => here.next(),
            };
            take(back, step, answer.unwrap_or_default())?;
        }
    }
    Ok(shards
        .iter()
        .fold(Taken::default(), |sum, (_, back)| Taken {
            back: sum.back + back.taken(),
            left: sum.left + back.left(),
        }))
}

fn read(shared: &Shared, shard: Shard, after: StreamId) -> Cmd {
    let from = format!("({after}");
    let count = MOST_RELAYED.to_string();
    let key = shared.keys.log(shard, &shared.region);
    words(["XRANGE", &key, &from, "+", "COUNT", &count])
}

fn command(shared: &Shared, shard: Shard, step: &Step) -> Cmd {
    match step {
        Step::Apply(entries) => {
            let relay = Relay {
                region: &shared.region,
                origin: &shared.region,
                shard,
                fence: 0,
                entries,
            };
            let mut command = Cmd::new();
            relay.command(&shared.keys, &shared.bounds, |word| {
                command.arg(word);
            });
            command
        }
        Step::Whole => {
            let others = std::slice::from_ref(&shared.origin);
            function(&Whole::call(&shared.keys, shard, others))
        }
        Step::Position | Step::Read(_) | Step::Done => {
            let key = shared.keys.log(shard, &shared.region);
            words(["XREVRANGE", &key, "+", "-", "COUNT", "1"])
        }
    }
}

fn take(back: &mut TakeBack, step: &Step, answer: Value) -> Result<(), LinkError> {
    match step {
        Step::Position => back.positioned(first_id(answer)),
        Step::Read(_) => back.read(entries(answer)),
        Step::Apply(_) => back.applied(&Relay::answer(&flatten(answer))?),
        Step::Whole => {
            Whole::answer(&flatten(answer))?;
            back.whole();
        }
        Step::Done => {}
    }
    Ok(())
}
