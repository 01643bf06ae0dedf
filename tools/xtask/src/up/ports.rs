//! Whether a port can be had.

use std::io::ErrorKind;
use std::net::TcpListener;

use anyhow::{Result, bail};

use super::plan::HOST;

/// Takes the port and lets go of it.
///
/// # Errors
/// Says who else may have it, and the flag that changes it.
pub fn check(port: u16, what: &str, flag: &str) -> Result<()> {
    match TcpListener::bind((HOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "port {port}, meant for {what}, is in use. Stop what listens there (`{}` shows it) or give another port \
             with {flag}",
            show(port)
        ),
        Err(error) => bail!(
            "port {port}, meant for {what}, cannot be had: {error}. Give another port with {flag}"
        ),
    }
}

fn show(port: u16) -> String {
    if cfg!(target_os = "linux") {
        format!("ss -ltnp 'sport = :{port}'")
    } else {
        format!("lsof -nP -iTCP:{port} -sTCP:LISTEN")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_named_with_the_flag_that_changes_it() {
        let taken = TcpListener::bind((HOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = check(port, "the edge", "--edge-port")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("port {port}, meant for the edge, is in use.")),
            "{error}"
        );
        assert!(
            error.ends_with("give another port with --edge-port"),
            "{error}"
        );
        drop(taken);
        check(port, "the edge", "--edge-port").unwrap();
    }
}
