//! Publishing straight into a region's Redis, as the edge does: `tg_publish`.

use anyhow::{Context, Result, ensure};
use redis::{Connection, Pipeline, Value};
use service_link::{flatten, function};
use tidegate_stream::calls::{Bounds, Control, HOW_TO_LOAD, Publish, Published, Right, Verb};
use tidegate_stream::{Keys, Region, RoomId, ShardCount, Subject};

use super::{Message, Publisher};
use crate::edge::variable;
use crate::fanout::control::room_name;
use crate::fanout::limits;

/// See the module.
pub struct ByRedis {
    redis: Connection,
    calls: Calls,
    rooms: Vec<RoomId>,
}

/// What all calls have in common.
struct Calls {
    keys: Keys,
    region: Region,
    subject: Subject,
}

const LEFT: &str = "Redis left a call unanswered";

impl ByRedis {
    /// Creates the rooms. Region and prefix are the edge's variables.
    pub fn new(url: &str, prefix: &str, rooms: usize) -> Result<Self> {
        let auth = variable("REDIS_AUTH").ok();
        let client = service_link::client("--publish", url, auth.as_deref(), None)?;
        let mut redis = client
            .get_connection_with_timeout(limits::PUBLISH)
            .context("--publish: Redis does not answer")?;
        redis.set_read_timeout(Some(limits::PUBLISH))?;
        let calls = Calls {
            keys: keys(&mut redis)?,
            region: variable("REGION")?
                .parse()
                .context("SPIN_VARIABLE_REGION")?,
            subject: "load".parse()?,
        };
        let names = (0..rooms).map(|room| room_name(prefix, room).parse());
        let rooms: Vec<RoomId> = names.collect::<Result<_, _>>()?;
        for rooms in rooms.chunks(limits::AT_ONCE) {
            calls.create(&mut redis, rooms)?;
        }
        Ok(Self {
            redis,
            calls,
            rooms,
        })
    }
}

impl Calls {
    fn create(&self, redis: &mut Connection, rooms: &[RoomId]) -> Result<()> {
        let creation = |room| Control {
            region: &self.region,
            room,
            verb: Verb::Create {
                owner: &self.subject,
                fields: &[],
            },
            by: None,
            right: Right::Scope,
            trace: "",
        };
        let calls: Vec<Control<'_>> = rooms.iter().map(creation).collect();
        let mut pipeline = redis::pipe();
        for call in &calls {
            pipeline.add_command(function(&call.call(&self.keys, &Bounds::default())));
        }
        let answers = answers(redis, &pipeline)?;
        ensure!(answers.len() == calls.len(), LEFT);
        for (answer, call) in answers.into_iter().zip(&calls) {
            call.answer(&flatten(answer))
                .context("a room could not be created")?;
        }
        Ok(())
    }

    fn publish<'a>(&'a self, room: &'a RoomId, data: &'a str) -> Publish<'a> {
        let (region, subject) = (&self.region, &self.subject);
        Publish::plain(region, room, Published::Chat, subject, data).by_service()
    }
}

impl Publisher for ByRedis {
    fn publish(&mut self, messages: &[Message]) -> Result<()> {
        let mut pipeline = redis::pipe();
        for (room, text) in messages {
            let data = format!("{{\"text\":\"{text}\"}}");
            let publish = self.calls.publish(&self.rooms[*room], &data);
            let call = publish.call(&self.calls.keys, &Bounds::default());
            pipeline.add_command(function(&call));
        }
        let answers = answers(&mut self.redis, &pipeline)?;
        ensure!(answers.len() == messages.len(), LEFT);
        for (answer, (room, _)) in answers.into_iter().zip(messages) {
            self.calls
                .publish(&self.rooms[*room], "")
                .answer(&flatten(answer))
                .context("a publish was refused")?;
        }
        Ok(())
    }

    fn at_once(&self) -> usize {
        limits::AT_ONCE
    }
}

fn keys(redis: &mut Connection) -> Result<Keys> {
    let prefix = variable("PREFIX").unwrap_or_else(|_| "tg".to_owned());
    let layout = Keys::new(&*prefix, ShardCount::default()).layout();
    let shards: Option<u16> = redis::cmd("HGET").arg(&layout).arg("shards").query(redis)?;
    let shards = shards
        .and_then(ShardCount::new)
        .with_context(|| format!("{layout} is not there: start a node on this Redis first"))?;
    Ok(Keys::new(prefix, shards))
}

fn answers(redis: &mut Connection, pipeline: &Pipeline) -> Result<Vec<Value>> {
    pipeline
        .query(redis)
        .with_context(|| format!("Redis does not take a call; is the library there? {HOW_TO_LOAD}"))
}
