//! Viewers' listeners: one for each core, on one port.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
#[cfg(target_os = "linux")]
use socket2::{SockFilter, SockRef};

/// Connections that may wait to be accepted, a core.
pub(super) const BACKLOG: i32 = 4_096;
/// `SO_RCVBUF`: what viewers send is short.
const RECEIVE_BYTES: usize = 16 * 1024;

/// Binds one listener for each core. With port 0, the first one's port is taken by all.
pub fn bind(
    address: SocketAddr,
    cores: usize,
    send_buffer_bytes: usize,
) -> io::Result<Vec<std::net::TcpListener>> {
    // A port that another program holds must be refused, not shared: so it is taken alone first.
    let alone = bind_one(address, send_buffer_bytes, false)?;
    if cores == 1 {
        return Ok(vec![alone]);
    }
    let bound = alone.local_addr()?;
    drop(alone);
    (0..cores)
        .map(|_| bind_one(bound, send_buffer_bytes, true))
        .collect()
}

fn bind_one(
    address: SocketAddr,
    send_buffer_bytes: usize,
    shared: bool,
) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    // Sockets inherit these. Without them a viewer who does not read swallows megabytes before anybody notices.
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(send_buffer_bytes)?;
    socket.set_recv_buffer_size(RECEIVE_BYTES)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// From now on no further connection begins at this listener: the packet that asks for one is passed over, as if it had been lost
/// on its way. Connections that have begun are still made. A listener that closes resets those that are being made or wait
/// to be accepted, so this comes first, and then they are accepted.
#[cfg(target_os = "linux")]
pub(super) fn shut(listener: &mio::net::TcpListener) -> io::Result<()> {
    // Classic BPF on the TCP header (RFC 9293, section 3.1): byte 13 holds the flags, SYN is 0x02, ACK 0x10.
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, 13),
        SockFilter::new(AND, 0, 0, 0x12),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, 0x02),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// Other systems have nothing of the kind: there whoever comes within the same moment is reset.
#[cfg(not(target_os = "linux"))]
pub(super) fn shut(_: &mio::net::TcpListener) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Duration;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_shut_listener_keeps_who_has_begun_and_lets_nobody_begin() {
        let mut bound = bind("127.0.0.1:0".parse().unwrap(), 1, 32 * 1024).unwrap();
        let listener = mio::net::TcpListener::from_std(bound.remove(0));
        let address = listener.local_addr().unwrap();
        let mut before = TcpStream::connect(address).unwrap();
        shut(&listener).unwrap();
        let late = TcpStream::connect_timeout(&address, Duration::from_millis(50));
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let (mut accepted, _) = listener.accept().unwrap();
        assert_eq!(
            listener.accept().unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        drop(listener);
        // What it has inherited of the filter does not keep it from anything.
        accepted.write_all(b"good day").unwrap();
        drop(accepted);
        let mut text = String::new();
        before.read_to_string(&mut text).unwrap();
        assert_eq!(text, "good day");
    }

    #[test]
    fn cores_share_a_port_and_nobody_else_does() {
        let any = "127.0.0.1:0".parse().unwrap();
        let cores = bind(any, 2, 32 * 1024).unwrap();
        let port = cores[0].local_addr().unwrap();
        assert_eq!(cores[1].local_addr().unwrap(), port);
        assert_eq!(
            bind(port, 2, 32 * 1024).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        assert_eq!(
            bind(port, 1, 32 * 1024).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
    }
}
