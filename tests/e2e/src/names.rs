//! A name that leads to one address and then to another, for the processes that a test starts and nobody else: they have a
//! `hosts` file of their own, in a mount namespace of their own.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tempfile::NamedTempFile;

/// The name.
pub const NAME: &str = "redis.test";

/// A `hosts` file in which [`NAME`] leads somewhere.
#[derive(Clone)]
pub struct Names(Arc<NamedTempFile>);

impl Names {
    /// The name leads to this address.
    pub fn new(address: Ipv4Addr) -> Self {
        let names = Self(Arc::new(NamedTempFile::new().expect("a temporary file")));
        names.lead_to(address);
        names
    }

    /// From now on the name leads to this address. Connections that are open stay where they are.
    pub fn lead_to(&self, address: Ipv4Addr) {
        // In one write and in place: who reads meanwhile finds one of the two, and the mount shows this very file.
        let text = format!("{address:<16}{NAME}\n127.0.0.1 localhost\n");
        let file: &File = self.0.as_file();
        file.write_all_at(text.as_bytes(), 0)
            .expect("the file can be written");
    }

    /// What starts a program for which the name leads there.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command
            .args(["--mount", "--", "sh", "-c"])
            .arg("mount --bind \"$0\" /etc/hosts && exec \"$@\"")
            .arg(self.0.path())
            .arg(program);
        command
    }
}

/// What starts a program, with names of its own or without.
pub fn command(names: Option<&Names>, program: &Path) -> Command {
    match names {
        Some(names) => names.command(program),
        None => Command::new(program),
    }
}
