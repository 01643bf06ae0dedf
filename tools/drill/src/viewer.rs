//! A viewer: one socket after another, one room, one cursor.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tidegate_stream::MessageId;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Socketed;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::course::{Course, Loss};
use crate::ledger::Receipts;
use crate::publisher::now_us;
use crate::shared::Shared;

/// How long a socket may take to open, and a node to greet.
const OPEN: Duration = Duration::from_secs(5);
/// The same in a region that has just given no answer, while there is another.
const HASTY: Duration = Duration::from_millis(500);
/// A viewer says something this often, and takes silence for an end, as the JavaScript client does.
const SPEAK: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(13);
/// After `try_again`.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// The close code of a node that stops.
const RESTART: u16 = 1012;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A frame, as far as it matters here.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    room: Option<Cow<'a, str>>,
    #[serde(borrow)]
    cursor: Option<Cow<'a, str>>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    messages: Vec<Entry<'a>>,
    left_out: Option<u64>,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    data: Option<Data>,
}

/// Of messages that drills publish; entries of other kinds have other data.
#[derive(Deserialize)]
struct Data {
    number: Option<u32>,
    sent_us: Option<u64>,
}

/// As `join` and `endpoints` list them.
#[derive(Debug, Clone, Deserialize)]
pub struct Endpoint {
    /// Whose it is.
    pub region: String,
    /// The socket.
    pub url: String,
}

/// What a join gave.
#[derive(Debug, Clone)]
pub struct Pass {
    /// The room's name, and its place in the list.
    pub room: String,
    /// See there.
    pub index: usize,
    /// The right to read it.
    pub ticket: String,
    /// Where to go.
    pub endpoints: Vec<Endpoint>,
    /// From where to read.
    pub cursor: String,
}

/// One viewer's state.
pub struct Viewer {
    number: usize,
    pass: Pass,
    course: Course,
    /// Since when it lacks a socket that it reads from; none while it has one, and before the first.
    away: Option<Instant>,
    begun: bool,
    /// The region that it is connected to.
    region: String,
    /// The region whose last endpoint gave no answer in time.
    mute: Option<String>,
    shared: Arc<Shared>,
    /// Where a shift sends it.
    shifts: watch::Receiver<Option<(String, String)>>,
}

/// How a socket's time ended.
enum End {
    Lost(Loss),
    /// Somebody wants this viewer in that region.
    Shifted(String),
}

impl Viewer {
    /// Viewer so-and-so. `turn` counts those of its region: each begins at the next of the region's endpoints.
    pub fn new(number: usize, turn: usize, pass: Pass, shared: Arc<Shared>) -> Self {
        let mut urls: Vec<String> = pass.endpoints.iter().map(|one| one.url.clone()).collect();
        let own = pass.endpoints.first().map(|first| first.region.clone());
        let own = own.unwrap_or_default();
        let near = (pass.endpoints.iter())
            .take_while(|one| one.region == own)
            .count();
        if near > 0 {
            urls[..near].rotate_left(turn % near);
        }
        Self {
            number,
            course: Course::new(urls, number as u64 + 1),
            pass,
            away: None,
            begun: false,
            region: own,
            mute: None,
            shifts: shared.shifts.subscribe(),
            shared,
        }
    }

    /// Watches until it is dropped.
    pub async fn watch(mut self) -> Result<()> {
        loop {
            let Some(url) = self.course.pick(self.now_ms()) else {
                bail!("viewer {} was given nowhere to go", self.number);
            };
            let opened = Instant::now();
            let region = self.region_of(&url);
            let end = match timeout(self.patience(&region), self.open(&url)).await {
                Ok(Ok(mut socket)) => {
                    self.mute = None;
                    self.region = region.clone();
                    self.read(&mut socket).await?
                }
                Ok(Err(_)) => End::Lost(Loss::Broken),
                Err(_) => End::Lost(Loss::Silent),
            };
            if matches!(end, End::Lost(Loss::Silent)) {
                self.note_silence(region);
            }
            if self.begun && self.away.is_none() {
                self.away = Some(self.shared.since(&self.region));
                self.shared.loses_socket();
            }
            let loss = match end {
                End::Lost(loss) => loss,
                End::Shifted(to) => {
                    self.prefer(&to);
                    continue;
                }
            };
            let open_ms = opened.elapsed().as_millis() as u64;
            let wait_ms = self.course.lose(loss, open_ms, self.now_ms());
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
    }

    /// How long a socket to a region may take to open.
    fn patience(&self, region: &str) -> Duration {
        let beyond = self.pass.endpoints.iter().any(|one| one.region != region);
        match self.mute.as_deref() == Some(region) && beyond {
            true => HASTY,
            false => OPEN,
        }
    }

    /// Two endpoints of one region that do not even refuse: the way there is cut.
    fn note_silence(&mut self, region: String) {
        if self.mute.as_deref() == Some(region.as_str()) {
            let now_ms = self.now_ms();
            let there = self
                .pass
                .endpoints
                .iter()
                .filter(|one| one.region == region);
            self.course.shun(there.map(|one| one.url.clone()), now_ms);
        }
        self.mute = Some(region);
    }

    fn now_ms(&self) -> u64 {
        self.shared.now_ms()
    }

    fn region_of(&self, url: &str) -> String {
        let endpoint = self.pass.endpoints.iter().find(|one| one.url == url);
        endpoint.map(|one| one.region.clone()).unwrap_or_default()
    }

    /// Puts a region's endpoints first.
    fn prefer(&mut self, region: &str) {
        self.pass.endpoints.sort_by_key(|one| one.region != region);
        let urls = self.pass.endpoints.iter().map(|one| one.url.clone());
        self.course = Course::new(urls.collect(), self.number as u64 + 1);
    }

    async fn open(&self, url: &str) -> Result<Socket> {
        let mut request = url.into_client_request()?;
        (request.headers_mut()).insert("sec-websocket-protocol", "tidegate.v1.json".parse()?);
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
        let hello = json!({"type":"hello","client":"drill","version":env!("CARGO_PKG_VERSION")});
        socket.send(Socketed::text(hello.to_string())).await?;
        self.subscribe(&mut socket).await?;
        Ok(socket)
    }

    async fn subscribe(&self, socket: &mut Socket) -> Result<()> {
        let Pass {
            room,
            ticket,
            cursor,
            ..
        } = &self.pass;
        let frame = json!({"type":"subscribe","room":room,"ticket":ticket,"cursor":cursor});
        Ok(socket.send(Socketed::text(frame.to_string())).await?)
    }

    async fn read(&mut self, socket: &mut Socket) -> Result<End> {
        let mut heard = Instant::now();
        let mut again: Option<Instant> = None;
        let mut pings = tokio::time::interval(SPEAK);
        pings.reset();
        loop {
            let silent = heard + SILENCE;
            let wake = again.map_or(silent, |again| again.min(silent));
            let message = tokio::select! {
                message = socket.next() => message,
                _ = tokio::time::sleep_until(wake.into()) => {
                    if Instant::now() >= silent {
                        return Ok(End::Lost(Loss::Silent));
                    }
                    again = None;
                    if self.subscribe(socket).await.is_err() {
                        return Ok(End::Lost(Loss::Broken));
                    }
                    continue;
                }
                _ = pings.tick() => {
                    if socket.send(Socketed::text(r#"{"type":"ping"}"#)).await.is_err() {
                        return Ok(End::Lost(Loss::Broken));
                    }
                    continue;
                }
                changed = self.shifts.changed() => {
                    let shift = self.shifts.borrow_and_update().clone();
                    match shift {
                        Some((from, to)) if changed.is_ok() && from == self.region && self.number.is_multiple_of(2) => {
                            return Ok(End::Shifted(to));
                        }
                        _ => continue,
                    }
                }
            };
            heard = Instant::now();
            let text = match message {
                Some(Ok(Socketed::Text(text))) => text,
                Some(Ok(Socketed::Close(Some(frame)))) if u16::from(frame.code) == RESTART => {
                    return Ok(End::Lost(Loss::Moved));
                }
                Some(Ok(Socketed::Close(_)) | Err(_)) | None => return Ok(End::Lost(Loss::Broken)),
                Some(Ok(_)) => continue,
            };
            let frame: Frame = serde_json::from_str(&text)
                .with_context(|| format!("a frame that cannot be read: {text}"))?;
            match frame.kind.as_ref() {
                "move" => {
                    self.turn(frame.endpoints);
                    return Ok(End::Lost(Loss::Moved));
                }
                "endpoints" => self.turn(frame.endpoints),
                "error" if frame.code.as_deref() == Some("try_again") => {
                    again = Some(Instant::now() + TRY_AGAIN);
                }
                "error" => bail!("viewer {}: the node refuses: {text}", self.number),
                _ => self.take(&frame),
            }
        }
    }

    fn turn(&mut self, endpoints: Vec<Endpoint>) {
        if !endpoints.is_empty() {
            let urls = endpoints.iter().map(|one| one.url.clone()).collect();
            self.course.set(urls);
            self.pass.endpoints = endpoints;
        }
    }

    /// A frame of the room: entries, the cursor after them.
    fn take(&mut self, frame: &Frame) {
        if frame.room.as_deref() != Some(self.pass.room.as_str()) {
            return;
        }
        if let Some(cursor) = &frame.cursor {
            self.pass.cursor = cursor.clone().into_owned();
        }
        if !std::mem::replace(&mut self.begun, true) {
            self.shared.subscribed();
        }
        if let Some(since) = self.away.take() {
            self.shared.reads_again(since);
        }
        let now_us = now_us();
        let mut all = self.shared.receipts.lock().expect("nobody panics with it");
        let receipts: &mut Receipts = &mut all[self.number];
        receipts.leave_out(frame.left_out.unwrap_or(0));
        if frame.kind == "reset" {
            receipts.reset();
        }
        for entry in &frame.messages {
            let Ok(MessageId { origin, id }) = entry.id.parse::<MessageId>() else {
                continue;
            };
            let number = entry.data.as_ref().and_then(|data| data.number);
            receipts.take(origin.as_str(), id, number);
            let sent_us = entry.data.as_ref().and_then(|data| data.sent_us);
            if let Some(sent_us) = sent_us {
                self.shared.arrived(now_us.saturating_sub(sent_us) / 1_000);
            }
        }
    }
}
