//! One address of a tier: a server that answers `/readyz` with the status that it is told.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

/// Switched by tests. It answers until the test's process ends.
pub struct Tier {
    status: Arc<AtomicU16>,
}

impl Tier {
    /// Serves, and is ready.
    ///
    /// # Panics
    /// When the address cannot be had.
    pub fn start(address: IpAddr, port: u16) -> Self {
        let listener = TcpListener::bind((address, port)).expect("a loopback address");
        let status = Arc::new(AtomicU16::new(200));
        let said = Arc::clone(&status);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let status = said.load(Ordering::SeqCst);
                // One that is dead takes the connection and says nothing, as a host that hangs.
                if status != 0 {
                    answer(stream, status);
                } else {
                    thread::spawn(move || thread::sleep(Duration::from_secs(3)));
                }
            }
        });
        Self { status }
    }

    /// What `/readyz` answers from now on; 0 is nothing at all.
    pub fn say(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }
}

fn answer(mut stream: TcpStream, status: u16) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut request = [0; 2_048];
    let length = stream.read(&mut request).unwrap_or(0);
    let status = if request[..length].starts_with(b"GET /readyz HTTP/1.") {
        status
    } else {
        404
    };
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
}

/// A port that is free at all of these addresses, for TCP and UDP.
///
/// # Panics
/// When there is none.
pub fn free_port(addresses: &[IpAddr]) -> u16 {
    for _ in 0..100 {
        let first = TcpListener::bind((addresses[0], 0)).expect("a free port");
        let port = first.local_addr().expect("it is bound").port();
        let free = addresses[1..]
            .iter()
            .all(|address| TcpListener::bind((*address, port)).is_ok());
        let free_udp = addresses
            .iter()
            .all(|address| UdpSocket::bind(SocketAddr::new(*address, port)).is_ok());
        if free && free_udp {
            return port;
        }
    }
    panic!("no port is free at all of {addresses:?}");
}
