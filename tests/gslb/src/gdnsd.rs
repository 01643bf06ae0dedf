//! The real name server, with a configuration that was rendered.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use drill::dns::{self, Answer};
use tempfile::TempDir;
use tidegate_gslb::{Description, gdnsd};

use crate::soon;

/// A running gdnsd. Dropping it ends it.
pub struct Gdnsd {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
    folder: TempDir,
}

fn program() -> PathBuf {
    // A user's PATH may lack the folder where Debian puts it.
    let installed = PathBuf::from("/usr/sbin/gdnsd");
    if installed.is_file() {
        return installed;
    }
    PathBuf::from("gdnsd")
}

/// Writes what is rendered of a description below a folder of its own, where gdnsd keeps everything else too.
fn write(description: &str, address: SocketAddr) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let run = folder.path().join("run");
    let state = folder.path().join("state");
    for made in [&run, &state, &folder.path().join("zones")] {
        fs::create_dir(made).expect("a folder");
    }
    let own = format!(
        "[gdnsd]\nlisten = [\"{address}\"]\nrun_dir = \"{}\"\nstate_dir = \"{}\"\n",
        run.display(),
        state.display()
    );
    let text = description.replacen("[gdnsd]\n", &own, 1);
    let description = Description::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    for file in gdnsd::render(&description).expect("it can be rendered") {
        fs::write(folder.path().join(file.path), file.text).expect("a file");
    }
    folder
}

fn checkconf(folder: &TempDir) -> Output {
    Command::new(program())
        .arg("-c")
        .arg(folder.path())
        .arg("checkconf")
        .output()
        .expect("gdnsd is installed: `cargo xtask test unit` sees to it")
}

impl Gdnsd {
    /// What `gdnsd checkconf` says of a description, and whether it is content.
    pub fn checkconf(description: &str) -> (bool, String) {
        let folder = write(description, "127.0.0.1:5353".parse().expect("an address"));
        let output = checkconf(&folder);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    }

    /// Starts it with a description that has a `[gdnsd]` without addresses and folders, and waits until it answers.
    ///
    /// # Panics
    /// When it doesn't.
    pub fn start(description: &str) -> Self {
        let host: IpAddr = [127, 0, 0, 1].into();
        let address = SocketAddr::new(host, crate::free_port(&[host]));
        let folder = write(description, address);
        let log = fs::File::create(folder.path().join("log")).expect("a file");
        let child = Command::new(program())
            .arg("-c")
            .arg(folder.path())
            .arg("start")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("gdnsd is installed: `cargo xtask test unit` sees to it");
        let mut server = Self {
            child,
            address,
            folder,
        };
        soon("gdnsd answers", || {
            if let Some(status) = server.child.try_wait().expect("it can be waited for") {
                panic!("gdnsd ended ({status}):\n{}", server.log());
            }
            dns::ask(address, "api.tg.test", None).ok()
        });
        server
    }

    /// Asks it.
    ///
    /// # Panics
    /// When it gives no address.
    pub fn ask(&self, name: &str) -> Answer {
        dns::ask(self.address, name, None).unwrap_or_else(|error| panic!("{name}: {error:#}"))
    }

    /// Asks it on behalf of somebody in a network of 24 bits.
    ///
    /// # Panics
    /// When it gives no address.
    pub fn ask_from(&self, name: &str, network: [u8; 4]) -> Answer {
        dns::ask(self.address, name, Some((network.into(), 24)))
            .unwrap_or_else(|error| panic!("{name}: {error:#}"))
    }

    /// The file for states that are forced.
    pub fn admin_state(&self) -> PathBuf {
        self.folder.path().join("state/admin_state")
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Gdnsd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- gdnsd ---\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
