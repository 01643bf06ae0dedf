//! A way that takes its time: a proxy that holds every byte back, in both directions, and lets as many pass as come.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Starts one before a port; its own port.
pub fn proxy(to: u16, each_way: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else {
                continue;
            };
            for (from, to) in [(&near, &far), (&far, &near)] {
                // Small writes go at once, as they came.
                let _ = from.set_nodelay(true);
                if let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) {
                    carry(from, to, each_way);
                }
            }
        }
    });
    port
}

fn carry(mut from: TcpStream, to: TcpStream, wait: Duration) {
    let (send, held) = channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 256 * 1024];
        while let Ok(count) = from.read(&mut buffer) {
            if count == 0
                || send
                    .send((Instant::now() + wait, buffer[..count].to_vec()))
                    .is_err()
            {
                break;
            }
        }
    });
    thread::spawn(move || let_go(&held, to));
}

fn let_go(held: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
    while let Ok((then, bytes)) = held.recv() {
        thread::sleep(then.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    // The other side may have gone first.
    let _ = to.shutdown(Shutdown::Both);
}
