//! Viewers' listeners: one for each core, on one port.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted, a core.
const BACKLOG: i32 = 4_096;
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

#[cfg(test)]
mod tests {
    use super::*;

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
