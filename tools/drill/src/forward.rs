//! `drill forward`: a way between regions that takes its time, where the kernel cannot delay packets. It hands TCP connections
//! on, and holds what it reads back for as long as a [`Line`] says. What is sent comes through whole and in order, as TCP has
//! it: no packet is lost here, so a loss is played as what it costs, a stall.
//!
//! The first line of standard input is a [`Spec`], each later one a [`Quality`], or a [`Way`] that leads elsewhere from now on, as
//! a name does that was given another address: connections that stand stay where they are. What was done is answered by
//! `{"event":"done"}`. It ends when standard input does.

use std::collections::HashMap;
use std::io::{self, BufRead, stdin};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::line::{Line, Quality};
use crate::script::{Event, say};

/// The most that is read at once.
const PIECE_BYTES: usize = 16 * 1024;
/// Pieces that a direction holds: 8 MiB, or 2,000 small ones a second over a round trip of half a second. When it is full,
/// it reads no more, and the sender waits.
const PIECES: usize = 512;
/// Connections of each way at once; a relay has a few, a region's Redis some tens. The next one waits.
const CONNECTIONS: usize = 256;
/// How long the other side may take to accept.
const CONNECT: Duration = Duration::from_secs(5);
/// Before accepting again when that failed: this process has too many files open.
const AGAIN: Duration = Duration::from_millis(100);

/// The first line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    ways: Vec<Way>,
    quality: Quality,
}

/// From where to where.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Way {
    /// Where it listens.
    at: SocketAddr,
    /// Where it leads.
    to: SocketAddr,
}

/// A later line.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Order {
    Lead(Way),
    Be(Quality),
}

/// What orders change: where ways lead, by where they listen, and what all of them are like.
struct Told {
    leads: HashMap<SocketAddr, watch::Sender<SocketAddr>>,
    quality: watch::Sender<Quality>,
}

/// Runs until standard input ends.
///
/// # Errors
/// When a line cannot be read, or an address cannot be had.
pub fn run() -> Result<()> {
    let mut first = String::new();
    stdin().lock().read_line(&mut first)?;
    let spec: Spec = serde_json::from_str(&first).context("the first line names no ways")?;
    let (tell, quality) = watch::channel(spec.quality);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut leads = HashMap::new();
        for way in spec.ways {
            let listener = TcpListener::bind(way.at)
                .await
                .with_context(|| format!("{} cannot be had", way.at))?;
            let (lead, to) = watch::channel(way.to);
            leads.insert(way.at, lead);
            tokio::spawn(serve(listener, to, quality.clone()));
        }
        say(&Event::Done);
        let told = Told {
            leads,
            quality: tell,
        };
        // A thread reads: standard input has no other way to wait.
        let (end, ended) = tokio::sync::oneshot::channel();
        thread::spawn(move || end.send(obey(&told)));
        ended.await.context("the reader of orders is gone")?
    })
}

fn obey(told: &Told) -> Result<()> {
    for line in stdin().lock().lines() {
        told.take(&line?)?;
        say(&Event::Done);
    }
    Ok(())
}

impl Told {
    fn take(&self, line: &str) -> Result<()> {
        match serde_json::from_str(line).context("a line that says neither a quality nor a way")? {
            Order::Be(quality) => drop(self.quality.send_replace(quality)),
            Order::Lead(way) => match self.leads.get(&way.at) {
                Some(lead) => drop(lead.send_replace(way.to)),
                None => bail!("no way begins at {}", way.at),
            },
        }
        Ok(())
    }
}

async fn serve(
    listener: TcpListener,
    to: watch::Receiver<SocketAddr>,
    quality: watch::Receiver<Quality>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((near, _)) = listener.accept().await else {
            sleep(AGAIN).await;
            continue;
        };
        let (quality, to) = (quality.clone(), *to.borrow());
        tokio::spawn(async move {
            // Whoever spoke here sees its connection end; why is for the two sides to say.
            let _ = pass(near, to, &quality).await;
            drop(place);
        });
    }
}

/// Both directions, until both have ended or one breaks.
async fn pass(
    mut near: TcpStream,
    to: SocketAddr,
    quality: &watch::Receiver<Quality>,
) -> io::Result<()> {
    // A handshake goes there and back before anything is said.
    let handshake = quality.borrow().round_trip();
    sleep(handshake).await;
    let mut far = timeout(CONNECT, TcpStream::connect(to)).await??;
    // Small pieces go at once, as they came.
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (near_read, near_write) = near.split();
    let (far_read, far_write) = far.split();
    tokio::try_join!(
        carry(near_read, far_write, quality),
        carry(far_read, near_write, quality)
    )?;
    Ok(())
}

/// One direction, to its end: then the other side is told that nothing more comes, as late as everything else.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    quality: &watch::Receiver<Quality>,
) -> io::Result<()> {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let mut line = Line::new(Instant::now(), SEED.fetch_add(1, Ordering::Relaxed));
    let (send, mut held) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let reading = async move {
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            // Room first: what is not read yet waits with its sender.
            let Ok(room) = send.reserve().await else {
                return Ok::<_, io::Error>(None);
            };
            // A side that broke ends as one that ended: the other is told after what it had sent.
            let (count, broken) = match from.read(&mut buffer).await {
                Ok(count) => (count, None),
                Err(error) => (0, Some(error)),
            };
            let due = line.due(Instant::now(), *quality.borrow());
            room.send((due, buffer[..count].to_vec()));
            if count == 0 {
                return Ok(broken);
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = held.recv().await {
            sleep_until(due).await;
            if piece.is_empty() {
                break;
            }
            to.write_all(&piece).await?;
        }
        to.shutdown().await
    };
    match tokio::try_join!(reading, writing)? {
        (Some(error), ()) => Err(error),
        (None, ()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    fn line(quality: Quality) -> (DuplexStream, DuplexStream, watch::Sender<Quality>) {
        let (near, from) = duplex(64 * 1024);
        let (to, far) = duplex(64 * 1024);
        let (tell, told) = watch::channel(quality);
        tokio::spawn(async move { carry(from, to, &told).await });
        (near, far, tell)
    }

    fn quality(round_trip_ms: u32) -> Quality {
        Quality::new(round_trip_ms, 0, 0).unwrap()
    }

    /// Reads one piece; how long after `begun` it came, ms.
    async fn piece(far: &mut DuplexStream, begun: Instant) -> (Vec<u8>, u128) {
        let mut buffer = [0; 1024];
        let count = far.read(&mut buffer).await.unwrap();
        (buffer[..count].to_vec(), begun.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn pieces_and_the_end_come_late_and_in_order() {
        let (mut near, mut far, tell) = line(quality(30));
        let begun = Instant::now();
        near.write_all(b"one").await.unwrap();
        sleep(Duration::from_millis(5)).await;
        near.write_all(b"two").await.unwrap();
        assert_eq!(piece(&mut far, begun).await, (b"one".to_vec(), 15));
        assert_eq!(piece(&mut far, begun).await, (b"two".to_vec(), 20));
        tell.send_replace(quality(500));
        near.write_all(b"slow").await.unwrap();
        sleep(Duration::from_millis(1)).await;
        tell.send_replace(quality(0));
        near.write_all(b"fast").await.unwrap();
        near.shutdown().await.unwrap();
        let (mut rest, mut first_ms) = (Vec::new(), 0);
        loop {
            let (bytes, ms) = piece(&mut far, begun).await;
            if bytes.is_empty() {
                break;
            }
            first_ms = if rest.is_empty() { ms } else { first_ms };
            rest.extend(bytes);
        }
        assert_eq!((rest, first_ms), (b"slowfast".to_vec(), 270));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_is_bounded_and_nothing_of_it_is_lost() {
        let (mut near, mut far, _tell) = line(quality(10_000));
        let wanted = PIECE_BYTES * (PIECES + 100);
        let sending = tokio::spawn(async move {
            let mut sent = 0;
            while sent < wanted {
                let count = near.write(&[7; PIECE_BYTES][..PIECE_BYTES.min(wanted - sent)]);
                match timeout(Duration::from_secs(1), count).await {
                    Ok(count) => sent += count.unwrap(),
                    Err(_) => break,
                }
            }
            let held = sent;
            while sent < wanted {
                sent += near
                    .write(&[7; PIECE_BYTES][..PIECE_BYTES.min(wanted - sent)])
                    .await
                    .unwrap();
            }
            held
        });
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        let held = sending.await.unwrap();
        assert!(
            held < wanted && held <= PIECE_BYTES * (PIECES + 8),
            "{held}"
        );
        assert!(got.len() == wanted && got.iter().all(|byte| *byte == 7));
    }

    #[tokio::test]
    async fn a_half_that_has_ended_leaves_the_other_open() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = front.local_addr().unwrap();
        let (_tell, told) = watch::channel(quality(4));
        let (_lead, to) = watch::channel(to);
        tokio::spawn(serve(front, to, told));
        let mut near = TcpStream::connect(at).await.unwrap();
        near.write_all(b"ask").await.unwrap();
        near.shutdown().await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        far.read_to_end(&mut asked).await.unwrap();
        assert_eq!(asked, b"ask");
        far.write_all(b"answer").await.unwrap();
        drop(far);
        let mut answered = Vec::new();
        near.read_to_end(&mut answered).await.unwrap();
        assert_eq!(answered, b"answer");
        // Nobody listens any more: whoever comes is told at once.
        drop(listener);
        let mut late = TcpStream::connect(at).await.unwrap();
        let read = late.read(&mut [0; 8]).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }

    #[tokio::test]
    async fn a_way_that_leads_elsewhere_leaves_connections_where_they_are() {
        let one = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = front.local_addr().unwrap();
        let (quality, calm) = watch::channel(quality(0));
        let (lead, to) = watch::channel(one.local_addr().unwrap());
        tokio::spawn(serve(front, to, calm));
        let told = Told {
            leads: HashMap::from([(at, lead)]),
            quality,
        };
        let mut old = TcpStream::connect(at).await.unwrap();
        let (mut served, _) = one.accept().await.unwrap();

        let there = other.local_addr().unwrap();
        told.take(&format!(r#"{{"at":"{at}","to":"{there}"}}"#))
            .unwrap();
        let _new = TcpStream::connect(at).await.unwrap();
        other.accept().await.unwrap();
        old.write_all(b"still").await.unwrap();
        let mut heard = [0; 5];
        served.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"still");

        told.take(r#"{"round_trip_ms":40}"#).unwrap();
        assert_eq!(
            told.quality.borrow().round_trip(),
            Duration::from_millis(40)
        );
        for bad in [
            r#"{"at":"127.0.0.1:1","to":"127.0.0.1:2"}"#,
            r#"{"to":"127.0.0.1:2"}"#,
            "elsewhere",
        ] {
            told.take(bad).unwrap_err();
        }
    }
}
