//! Publishes straight into Redis with the edge's own call, each message with its numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use redis::{Connection, Value};
use service_link::{flatten, function};
use tidegate_stream::calls::{Bounds, Control, FunctionCall, Publish, Published, Right, Verb};
use tidegate_stream::{Keys, Region, RoomId, ShardCount, Subject};

use super::account;
use super::mark::{self, Class, Mark};
use super::script::Spec;
use crate::publisher::now_us;

/// How much rooms and logs keep: history reaches over every stop and restart.
const BOUNDS: (u32, u32, u32, u64) = (20_000, 20_000, 1_000_000, 2 * 60 * 60 * 1_000);
/// How often it looks what is due.
const LOOK: Duration = Duration::from_millis(4);
/// How long Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Messages of one turn at most: what could not be said in time is said later, but never all at once.
const TURN: u64 = 256;
/// What twenty messages are: twelve lines of chat, three gifts, one of control, four likes.
const MIX: &[u8; 20] = b"CCLCGCCLCKCLCGCCLCGC";

/// What was published, and what is to be.
pub struct Board {
    /// Per room and class.
    rooms: Vec<[AtomicU32; 3]>,
    likes: Vec<AtomicU64>,
    per_second: AtomicU32,
    quiet: AtomicBool,
    last: AtomicBool,
}

impl Board {
    /// For so many rooms; nothing is published yet.
    pub fn new(rooms: usize) -> Self {
        Self {
            rooms: (0..rooms).map(|_| Default::default()).collect(),
            likes: (0..rooms).map(|_| AtomicU64::new(0)).collect(),
            per_second: AtomicU32::new(0),
            quiet: AtomicBool::new(true),
            last: AtomicBool::new(false),
        }
    }

    /// Messages a second from now on.
    pub fn set_rate(&self, per_second: u32) {
        self.per_second.store(per_second, Ordering::SeqCst);
    }

    /// Publish no more than one last message of control into each room.
    pub fn finish(&self) {
        self.set_rate(0);
        self.last.store(true, Ordering::SeqCst);
    }

    /// Whether everything that was begun is acknowledged, the last message too.
    pub fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::SeqCst) && !self.last.load(Ordering::SeqCst)
    }

    /// The last numbers of a room. What is not acknowledged yet counts.
    pub fn published(&self, room: usize) -> account::Published {
        [0, 1, 2].map(|class| self.rooms[room][class].load(Ordering::SeqCst))
    }

    /// Likes of a room.
    pub fn likes(&self, room: usize) -> u64 {
        self.likes[room].load(Ordering::SeqCst)
    }

    /// Over all rooms, by class, and likes.
    pub fn totals(&self) -> ([u64; 3], u64) {
        let mut totals = [0; 3];
        for room in &self.rooms {
            for (total, class) in totals.iter_mut().zip(room) {
                *total += u64::from(class.load(Ordering::SeqCst));
            }
        }
        let likes = self.likes.iter().map(|one| one.load(Ordering::SeqCst));
        (totals, likes.sum())
    }
}

/// Who publishes.
pub struct Publisher {
    redis: Connection,
    keys: Keys,
    region: Region,
    rooms: Vec<RoomId>,
    subject: Subject,
    bounds: Bounds,
    data_bytes: usize,
    places: Vec<u32>,
    count: usize,
}

impl Publisher {
    /// Connects, and makes the rooms.
    ///
    /// # Errors
    /// When Redis does not answer, or a name is none.
    pub fn new(spec: &Spec, rooms: &[RoomId]) -> Result<Self> {
        let client = redis::Client::open(spec.redis.as_str())?;
        let redis = client.get_connection_with_timeout(PATIENCE)?;
        redis.set_read_timeout(Some(PATIENCE))?;
        let (chat, keep, log, retention_ms) = BOUNDS;
        let mut publisher = Self {
            redis,
            keys: Keys::new(&spec.prefix, ShardCount::default()),
            region: spec.region.parse().context("region")?,
            places: vec![0; rooms.len()],
            rooms: rooms.to_vec(),
            subject: "drill".parse()?,
            bounds: Bounds::new(chat, keep, log, retention_ms)?,
            data_bytes: spec.data_bytes,
            count: 0,
        };
        for room in rooms {
            publisher.make(room)?;
        }
        Ok(publisher)
    }

    fn make(&mut self, room: &RoomId) -> Result<()> {
        let fields = &[];
        let owner = &self.subject;
        let create = Control {
            region: &self.region,
            room,
            verb: Verb::Create { owner, fields },
            by: None,
            right: Right::Scope,
            trace: "",
        };
        let call = create.call(&self.keys, &self.bounds);
        let answer: Value = function(&call).query(&mut self.redis)?;
        create
            .answer(&flatten(answer))
            .with_context(|| format!("{room} cannot be made"))?;
        Ok(())
    }

    /// Publishes until the process ends.
    ///
    /// # Errors
    /// When Redis refuses or does not answer: nothing is broken there in these drills.
    pub fn run(mut self, board: &Arc<Board>) -> Result<()> {
        let (mut rate, mut since, mut done) = (0, Instant::now(), 0u64);
        loop {
            let wanted = board.per_second.load(Ordering::SeqCst);
            if wanted != rate {
                (rate, since, done) = (wanted, Instant::now(), 0);
            }
            if rate == 0 {
                if board.last.load(Ordering::SeqCst) {
                    self.last(board)?;
                    board.last.store(false, Ordering::SeqCst);
                }
                board.quiet.store(true, Ordering::SeqCst);
                thread::sleep(LOOK);
                continue;
            }
            board.quiet.store(false, Ordering::SeqCst);
            let due = (since.elapsed().as_secs_f64() * f64::from(rate)) as u64;
            let turn = due.saturating_sub(done).min(TURN);
            if turn == 0 {
                thread::sleep(LOOK);
                continue;
            }
            done += turn;
            self.publish(turn, board)?;
        }
    }

    fn publish(&mut self, turn: u64, board: &Board) -> Result<()> {
        let mut batch = redis::pipe();
        for _ in 0..turn {
            let room = self.count % self.rooms.len();
            let kind = MIX[self.count / self.rooms.len() % MIX.len()];
            self.count += 1;
            let call = match kind {
                b'C' => self.message(room, Class::Chat, board),
                b'G' => self.message(room, Class::Gift, board),
                b'K' => self.message(room, Class::Control, board),
                _ => {
                    board.likes[room].fetch_add(1, Ordering::SeqCst);
                    self.call(room, Published::Like, "")
                }
            };
            batch.add_command(function(&call));
        }
        self.send(&batch)
    }

    fn last(&mut self, board: &Board) -> Result<()> {
        for room in 0..self.rooms.len() {
            let call = self.message(room, Class::Control, board);
            let mut batch = redis::pipe();
            batch.add_command(function(&call));
            self.send(&batch)?;
        }
        Ok(())
    }

    fn send(&mut self, batch: &redis::Pipeline) -> Result<()> {
        let answers: Vec<Vec<Value>> = batch.query(&mut self.redis).context("publishing")?;
        for answer in answers {
            if matches!(answer.first(), Some(Value::BulkString(word)) if word == b"refused") {
                bail!("Redis refuses a message: {answer:?}");
            }
        }
        Ok(())
    }

    fn message(&mut self, room: usize, class: Class, board: &Board) -> FunctionCall {
        self.places[room] += 1;
        // Counted before it is sent: whoever is subscribed after this need not get it, whoever was before must.
        let number = board.rooms[room][class as usize].fetch_add(1, Ordering::SeqCst) + 1;
        let mark = Mark {
            class,
            number,
            place: self.places[room],
            sent_us: now_us(),
        };
        let kind = match class {
            Class::Chat => Published::Chat,
            Class::Gift => Published::Gift,
            Class::Control => Published::Control,
        };
        self.call(room, kind, &mark::data(&mark, self.data_bytes))
    }

    fn call(&self, room: usize, kind: Published, data: &str) -> FunctionCall {
        let (region, room) = (&self.region, &self.rooms[room]);
        let publish = Publish::plain(region, room, kind, &self.subject, data).by_service();
        publish.call(&self.keys, &self.bounds)
    }
}
