//! `load floor`: what any server has to do for a delivery, and nothing else. Whoever connects to `/publish` is the publisher;
//! each of its messages goes to all other sockets as one frame, by one `send` each, in the order in which they came.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write, stdout};
use std::net::{SocketAddr, TcpStream as Blocking};

use anyhow::{Context, Result};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::fanout::wire::{Masked, server_text};
use crate::files;

/// What `load floor` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Where to listen. Port 0 takes a free one; which, is said on standard output.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub listen: SocketAddr,
}

const LISTENER: Token = Token(0);
/// A request's head.
const HEAD_BYTES: usize = 8 << 10;
/// The answer to the key of RFC 6455's example, which viewers of `load` send; other clients do not accept it.
const ANSWER: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Serves until it is ended.
///
/// # Errors
/// When it cannot listen.
pub fn run(args: &Args) -> Result<()> {
    files::allow_many();
    let mut listener =
        TcpListener::bind(args.listen).with_context(|| format!("--listen {}", args.listen))?;
    let poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on ws://{}", listener.local_addr()?);
    stdout().flush()?;
    let mut floor = Floor {
        poll,
        listener,
        next: 1,
        coming: HashMap::new(),
        publishers: HashMap::new(),
        viewers: Vec::new(),
        frame: Vec::new(),
    };
    let mut events = Events::with_capacity(1_024);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match floor.poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            match event.token() {
                LISTENER => floor.accept()?,
                token => floor.read(token, &mut buffer)?,
            }
        }
    }
}

struct Floor {
    poll: Poll,
    listener: TcpListener,
    next: usize,
    /// Those whose request is not whole yet.
    coming: HashMap<Token, (TcpStream, Vec<u8>)>,
    publishers: HashMap<Token, (TcpStream, Masked)>,
    /// Nobody waits for what these say: it is never read. Who has gone is found when something is sent, or a publisher comes.
    viewers: Vec<Blocking>,
    frame: Vec<u8>,
}

impl Floor {
    fn accept(&mut self) -> Result<()> {
        loop {
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nodelay(true)?;
                    let token = Token(self.next);
                    self.next += 1;
                    self.poll
                        .registry()
                        .register(&mut stream, token, Interest::READABLE)?;
                    self.coming.insert(token, (stream, Vec::new()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error).context("no further socket can be taken"),
            }
        }
    }

    fn read(&mut self, token: Token, buffer: &mut [u8]) -> Result<()> {
        if self.coming.contains_key(&token) {
            return self.greet(token, buffer);
        }
        let Some((stream, masked)) = self.publishers.get_mut(&token) else {
            return Ok(());
        };
        loop {
            match stream.read(buffer) {
                Ok(0) => break,
                Ok(read) => {
                    let (viewers, frame) = (&mut self.viewers, &mut self.frame);
                    let taken = masked.read(&buffer[..read], |message| {
                        frame.clear();
                        server_text(frame, message);
                        // The loop that all this is about.
                        viewers.retain(|mut viewer| viewer.write_all(frame).is_ok());
                    });
                    if let Err(error) = taken {
                        eprintln!("the publisher's frame is not taken: {error}");
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => break,
            }
        }
        self.publishers.remove(&token);
        Ok(())
    }

    /// Reads a request until it is whole, and answers it.
    fn greet(&mut self, token: Token, buffer: &mut [u8]) -> Result<()> {
        let Some((stream, head)) = self.coming.get_mut(&token) else {
            return Ok(());
        };
        let is_over = loop {
            match stream.read(buffer) {
                Ok(0) => break true,
                Ok(read) => head.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break false,
                Err(_) => break true,
            }
        };
        let is_whole = head.ends_with(b"\r\n\r\n");
        if is_over || head.len() > HEAD_BYTES {
            self.coming.remove(&token);
        } else if is_whole {
            self.enter(token)?;
        }
        Ok(())
    }

    fn enter(&mut self, token: Token) -> Result<()> {
        let Some((mut stream, head)) = self.coming.remove(&token) else {
            return Ok(());
        };
        if stream.write_all(ANSWER).is_err() {
            return Ok(());
        }
        if head.starts_with(b"GET /publish ") {
            // A run begins: the sockets of the last one should not take files from it.
            self.viewers
                .retain(|viewer| matches!(viewer.take_error(), Ok(None)));
            self.publishers.insert(token, (stream, Masked::default()));
            return Ok(());
        }
        self.poll.registry().deregister(&mut stream)?;
        let stream = Blocking::from(stream);
        stream.set_nonblocking(false)?;
        self.viewers.push(stream);
        Ok(())
    }
}
