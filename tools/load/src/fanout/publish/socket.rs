//! Publishing over a WebSocket of its own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::{Message, Publisher};
use crate::fanout::dialect::{Dialect, Heard, Subject};
use crate::fanout::frames::{BadFrame, Frame, Partial, Upgrade, client_pong, client_text};
use crate::fanout::limits;
use crate::fanout::target::Target;
use crate::fanout::upgrade::upgraded;

/// See the module. What the server says is read by a thread, which answers its pings.
pub struct BySocket {
    dialect: Box<dyn Dialect>,
    stream: Arc<Mutex<TcpStream>>,
    ended: Receiver<String>,
    out: Vec<u8>,
}

impl BySocket {
    /// Connects, and waits until the server takes messages.
    pub fn new(subject: Subject, target: &Target) -> Result<Self> {
        let dialect = subject.publisher();
        let mut stream = TcpStream::connect_timeout(&target.addr, limits::PUBLISH)
            .with_context(|| format!("--publish: {} does not answer", target.host))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(limits::PUBLISH))?;
        stream.set_write_timeout(Some(limits::PUBLISH))?;
        stream.write_all(target.request(dialect.protocol(), None).as_bytes())?;
        let mut partial = Partial::default();
        let after = loop {
            let input = some(&mut stream)?;
            if let Some(Upgrade { head, after }) = partial.head(&input)? {
                upgraded(&head, &after, false).context("--publish")?;
                break after;
            }
        };
        let mut out = Vec::new();
        let greeting = dialect.greeting(0, 0);
        for text in &greeting {
            client_text(&mut out, text);
        }
        stream.write_all(&out)?;
        let mut is_open = greeting.is_empty();
        let mut input = after;
        loop {
            is_open |= hear(subject, &mut partial, &input, &mut stream)?;
            if is_open {
                break;
            }
            input = some(&mut stream)?;
        }
        let (send, ended) = channel();
        let mut reading = stream.try_clone()?;
        reading.set_read_timeout(None)?;
        let stream = Arc::new(Mutex::new(stream));
        let writing = Arc::clone(&stream);
        std::thread::spawn(move || {
            let why = loop {
                let heard = some(&mut reading).and_then(|input| {
                    let mut stream = writing.lock().unwrap_or_else(PoisonError::into_inner);
                    hear(subject, &mut partial, &input, &mut stream)
                });
                if let Err(error) = heard {
                    break error;
                }
            };
            let _ = send.send(format!("{why:#}"));
        });
        Ok(Self {
            dialect,
            stream,
            ended,
            out,
        })
    }
}

impl Publisher for BySocket {
    fn publish(&mut self, messages: &[Message]) -> Result<()> {
        if let Ok(why) = self.ended.try_recv() {
            bail!("the publisher's socket has ended: {why}");
        }
        self.out.clear();
        for (_, text) in messages {
            client_text(&mut self.out, &self.dialect.published(text));
        }
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        stream
            .write_all(&self.out)
            .map_err(|error| anyhow!("the server does not take what is published: {error}"))
    }
}

fn some(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut input = vec![0; 16 << 10];
    let read = stream.read(&mut input)?;
    ensure!(read > 0, "the server ended the connection");
    input.truncate(read);
    Ok(input)
}

/// Answers what is to be answered; says whether the server takes messages from now on.
fn hear(
    subject: Subject,
    partial: &mut Partial,
    input: &[u8],
    stream: &mut TcpStream,
) -> Result<bool> {
    let dialect = subject.publisher();
    let mut is_open = false;
    let mut out = Vec::new();
    partial.read(input, |frame, _| {
        match frame {
            Frame::Packed(_) => bail!("{}", BadFrame::Unasked),
            Frame::Message(payload) => match dialect.hear(payload) {
                Heard::Nothing => {}
                Heard::Subscribed => is_open = true,
                Heard::Say(text) => client_text(&mut out, &text),
                Heard::Refused => bail!("the server says {}", String::from_utf8_lossy(payload)),
            },
            Frame::Ping(payload) => client_pong(&mut out, payload),
            Frame::Close(code) => bail!("the server closed ({})", code.unwrap_or_default()),
            Frame::Pong => {}
        }
        Ok(())
    })?;
    stream.write_all(&out)?;
    Ok(is_open)
}
