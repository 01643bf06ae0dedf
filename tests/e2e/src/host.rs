//! What runs the edge in these tests: `edge-host` of this checkout, or the Spin on the PATH.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::names::{self, Names};
use crate::process::{Process, binary};

/// `cargo xtask test --edge` sets it.
const CHOICE: &str = "TIDEGATE_TEST_EDGE";
/// Compiling a component of 20 MB for the first time takes its time.
const START: Duration = Duration::from_secs(240);

/// A host of WASM components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// `tools/edge-host`.
    EdgeHost,
    /// `spin up`.
    Spin,
}

/// What it is to run.
pub struct App<'a> {
    /// The manifest.
    pub manifest: &'a Path,
    /// Names that it knows beside.
    pub names: Option<&'a Names>,
    /// A certificate authority that it trusts outwards.
    pub ca_file: Option<&'a Path>,
    /// Where it reads which providers of variables there are.
    pub runtime_config: Option<&'a Path>,
    /// It does not say who calls, which only edge-host can be told.
    pub hides_callers: bool,
    /// Where edge-host keeps compiled components, if not where it does for this user.
    pub cache: Option<&'a Path>,
    /// Where it is started, and may write.
    pub dir: &'a Path,
}

impl Host {
    /// The one that was chosen; else edge-host.
    ///
    /// # Panics
    /// When another one is named.
    pub fn chosen() -> Self {
        match std::env::var(CHOICE).as_deref().unwrap_or("embedded") {
            "embedded" => Self::EdgeHost,
            "spin" => Self::Spin,
            other => panic!("{CHOICE}={other}: it is `embedded` or `spin`"),
        }
    }

    /// What `--edge` of `cargo xtask` calls it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::EdgeHost => "embedded",
            Self::Spin => "spin",
        }
    }

    /// The status that a caller gets when the instance which had the request was ended.
    pub fn ended_status(self) -> u16 {
        match self {
            Self::EdgeHost => 503,
            Self::Spin => 500,
        }
    }

    /// A command that serves an app on a free port.
    ///
    /// # Panics
    /// When the app wants what this host does not have: `tools/xtask/src/test/left_out.rs` is to name such a test.
    pub fn command(self, app: &App<'_>) -> Command {
        let mut command = match self {
            Self::EdgeHost => edge_host(app),
            Self::Spin => spin(app),
        };
        command.current_dir(app.dir);
        command
    }

    /// Starts such a command, and gives the process and where it listens.
    pub fn start(self, command: Command, dir: &Path) -> (Process, String) {
        let (mut process, ready) = match self {
            Self::EdgeHost => (Process::start("edge", command, dir), "listening on "),
            Self::Spin => (Process::start_group("edge", command, dir), "Serving "),
        };
        let url = process.ready_within(START, ready);
        (process, url)
    }
}

fn edge_host(app: &App<'_>) -> Command {
    let mut command = names::command(app.names, &binary("edge-host"));
    command.arg("--manifest").arg(app.manifest);
    command.args(["--listen", "127.0.0.1:0", "--env-file", "/dev/null"]);
    if let Some(cache) = app.cache {
        command.arg("--cache-dir").arg(cache);
    }
    if let Some(ca_file) = app.ca_file {
        command.arg("--ca-file").arg(ca_file);
    }
    if let Some(file) = app.runtime_config {
        command.arg("--runtime-config-file").arg(file);
    }
    if app.hides_callers {
        command.arg("--no-client-addr");
    }
    command
}

/// With the bounds that `docs/deploy.md` names, the time shorter than that of this crate's HTTP client. It reads `.env` where it is started, and there is none.
fn spin(app: &App<'_>) -> Command {
    assert!(app.cache.is_none(), "only edge-host can be told where");
    assert!(!app.hides_callers, "only edge-host can be told so");
    let mut command = names::command(app.names, Path::new("spin"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SPIN_") {
            command.env_remove(name);
        }
    }
    command.args(["up", "--listen", "127.0.0.1:0", "--from"]);
    command.arg(app.manifest);
    command.args(["--request-timeout", "20s"]);
    command.args(["--max-instance-memory", "134217728"]);
    command.arg("--state-dir").arg(app.dir.join("spin"));
    // Else what it unpacks would stay behind when it is killed.
    command.arg("--temp").arg(app.dir.join("spin-files"));
    if let Some(file) = app.runtime_config {
        command.arg("--runtime-config-file").arg(file);
    }
    if let Some(ca_file) = app.ca_file {
        assert!(app.runtime_config.is_none(), "there is one file for both");
        let ca_file = ca_file.display();
        let config = app.dir.join("spin.runtime.toml");
        let text = format!(
            "[[client_tls]]\ncomponent_ids = [\"router\"]\nhosts = [\"127.0.0.1\", \"localhost\"]\n\
             ca_use_platform_roots = false\nca_roots_file = \"{ca_file}\"\n"
        );
        std::fs::write(&config, text).expect("the folder can be written");
        command.arg("--runtime-config-file").arg(config);
        // That is for HTTP. Redis is reached by the system's TLS library, which reads this.
        command.env("SSL_CERT_FILE", ca_file.to_string());
    }
    command
}
