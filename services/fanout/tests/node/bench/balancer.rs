//! HAProxy or nginx before nodes, by the configurations that docs/deploy.md shows, with a test's own addresses put in.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;

use rustls::ClientConfig;
use tempfile::TempDir;

use super::{Certificate, Secured, dial_at, get_over, soon, try_secure};

/// Where the nodes are in the files.
const NODES: [&str; 2] = ["10.0.0.11:7001", "10.0.0.12:7001"];

/// Where it is to listen: known before it runs, since nodes hand it out.
pub struct Place {
    folder: TempDir,
    certificate: Certificate,
    pub address: String,
}

pub struct Balancer {
    place: Place,
    client: Arc<ClientConfig>,
    child: Child,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Let go again: whoever listens next has it.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            certificate: Certificate::new(folder.path()),
            folder,
            address: free.local_addr().unwrap().to_string(),
        }
    }

    /// What nodes behind it hand out.
    pub fn public_url(&self) -> String {
        format!("wss://{}", self.address)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A file of `infra`, each of these put in for what stands there.
    fn text(&self, name: &str, changes: &[(&str, &str)]) -> String {
        let infra = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra");
        let mut text = fs::read_to_string(infra.join(name)).unwrap();
        for (theirs, own) in changes {
            assert_eq!(text.matches(theirs).count(), 1, "{theirs} in {name}");
            text = text.replace(theirs, own);
        }
        text
    }
}

impl Balancer {
    pub fn haproxy(place: Place, nodes: [&str; 2]) -> Self {
        let pem = place.path("live.pem");
        let parts = [&place.certificate.certificate, &place.certificate.key];
        let both: String = parts.map(|part| fs::read_to_string(part).unwrap()).concat();
        fs::write(&pem, both).unwrap();
        let text = place.text(
            "haproxy/fanout.cfg",
            &[
                ("/etc/haproxy/live.pem", &pem),
                ("bind :443", &format!("bind {}", place.address)),
                (NODES[0], nodes[0]),
                (NODES[1], nodes[1]),
            ],
        );
        let file = place.path("haproxy.cfg");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(program("haproxy"));
        command.args(["-db", "-f", &file]);
        Self::start(place, command)
    }

    pub fn nginx(place: Place, nodes: [&str; 2]) -> Self {
        let text = place.text(
            "nginx/fanout.conf",
            &[
                (
                    "/etc/nginx/live.crt",
                    &place.certificate.certificate.display().to_string(),
                ),
                (
                    "/etc/nginx/live.key",
                    &place.certificate.key.display().to_string(),
                ),
                ("/var/log/nginx/live.log", "stderr"),
                ("listen 443", &format!("listen {}", place.address)),
                (NODES[0], nodes[0]),
                (NODES[1], nodes[1]),
            ],
        );
        let included = place.path("fanout.conf");
        fs::write(&included, text).unwrap();
        let folder = place.folder.path().display();
        // What Debian's own main file has around it, as one user and in this folder.
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|what| format!("{what}_temp_path {folder}/{what};\n"))
            .concat();
        let main = format!(
            "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log stderr warn;\n\
             events {{ worker_connections 4096; }}\n\
             http {{\n{temporary}include {included};\n}}\n"
        );
        let file = place.path("nginx.conf");
        fs::write(&file, main).unwrap();
        let mut command = Command::new(program("nginx"));
        command.args(["-e", "stderr", "-c", &file]);
        Self::start(place, command)
    }

    fn start(place: Place, mut command: Command) -> Self {
        let balancer = Self {
            client: place.certificate.client(rustls::ALL_VERSIONS),
            child: command.spawn().expect("it is installed"),
            place,
        };
        soon("the balancer serves", || {
            let stream = std::net::TcpStream::connect(&balancer.place.address).ok()?;
            drop(stream);
            (get_over(balancer.dial(), "/readyz").status == 200).then_some(())
        });
        balancer
    }

    pub fn address(&self) -> &str {
        &self.place.address
    }

    pub fn url(&self) -> String {
        format!("{}/v1/connect", self.place.public_url())
    }

    /// A connection whose handshake is over.
    pub fn dial(&self) -> Secured {
        try_secure(dial_at(&self.place.address), &self.client).unwrap()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian puts both where a user's PATH may not lead.
fn program(name: &str) -> PathBuf {
    let daemon = Path::new("/usr/sbin").join(name);
    if daemon.exists() { daemon } else { name.into() }
}
