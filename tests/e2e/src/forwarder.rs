//! What a balancer of TCP connections does before a Redis: whoever connects is led to one, and later to another. It may forget
//! the connections that are open, without a word to either side.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Leads connections on for as long as the process lives.
pub struct Forwarder {
    address: SocketAddr,
    way: Arc<Way>,
}

struct Way {
    to: Mutex<SocketAddr>,
    /// Connections of an earlier number are forgotten.
    since: AtomicUsize,
}

impl Forwarder {
    /// Leads to this address.
    pub fn to(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let way = Arc::new(Way {
            to: Mutex::new(to),
            since: AtomicUsize::new(0),
        });
        let led = way.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let to = *led.to.lock().unwrap_or_else(PoisonError::into_inner);
                let number = led.since.load(Ordering::SeqCst);
                // Nobody is there: the connection ends.
                let Ok(far) = TcpStream::connect(to) else {
                    continue;
                };
                let both = |one: &TcpStream, other: &TcpStream| {
                    (
                        one.try_clone().expect("a socket"),
                        other.try_clone().expect("a socket"),
                    )
                };
                for (from, into) in [both(&near, &far), both(&far, &near)] {
                    let way = led.clone();
                    std::thread::spawn(move || carry(from, into, number, &way));
                }
            }
        });
        Self { address, way }
    }

    /// Its address, `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on it leads there. What is open stays open, and nothing comes through any more, nor is anything refused.
    pub fn move_and_forget(&self, to: SocketAddr) {
        *self.way.to.lock().unwrap_or_else(PoisonError::into_inner) = to;
        self.way.since.fetch_add(1, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut into: TcpStream, number: usize, way: &Way) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).unwrap_or(0);
        let forgotten = way.since.load(Ordering::SeqCst) != number;
        if count == 0 {
            if !forgotten {
                // The other side may have ended itself.
                let _ = into.shutdown(Shutdown::Write);
            }
            return;
        }
        if !forgotten && into.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}
