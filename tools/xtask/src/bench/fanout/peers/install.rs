//! Getting a peer: what a package manager has of it is fetched, and the rest is built.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::{Peer, SOCKUDO, uwebsockets};
use crate::doctor::{self, Tool, need};
use crate::process::Family;
use crate::progress::Progress;
use crate::workspace::Workspace;

const NCHAN: Tool = Tool {
    // What is looked for on the PATH may be a file with its whole path.
    program: "/usr/lib/nginx/modules/ngx_nchan_module.so",
    apt: "libnginx-mod-nchan",
    brew: "nginx",
    what_for: "the peer nchan",
};
const GXX: Tool = Tool {
    program: "g++",
    apt: "g++",
    brew: "gcc",
    what_for: "the peer uwebsockets",
};
const NODE: Tool = Tool {
    program: "node",
    apt: "nodejs",
    brew: "node",
    what_for: "the peers ws and socketio",
};
const NPM: Tool = Tool {
    program: "npm",
    apt: "npm",
    brew: "node",
    what_for: "the peers ws and socketio",
};
const PROTOC: Tool = Tool {
    program: "protoc",
    apt: "protobuf-compiler",
    brew: "protobuf",
    what_for: "the peer sockudo",
};
/// What protoc's own package only recommends.
const PROTOS: Tool = Tool {
    program: "/usr/include/google/protobuf/timestamp.proto",
    apt: "libprotobuf-dev",
    brew: "protobuf",
    what_for: "the peer sockudo",
};
/// Holds what a folder was built from.
const STAMP: &str = "built-from";

/// Sees to it that a peer can be started. What was built before from the same sources is taken as it is.
///
/// # Errors
/// Says what is missing or does not build.
pub fn install(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    peer: Peer,
) -> Result<()> {
    need(family, progress, tools(peer))?;
    match peer {
        // The package is all of it.
        Peer::Nchan => return Ok(()),
        Peer::Ws | Peer::SocketIo => doctor::node()?,
        Peer::Centrifuge => ensure!(
            doctor::on_path("go").is_some(),
            "the peer centrifuge is built with Go 1.26 or newer: take it from https://go.dev/dl and put it on the PATH, or leave the peer out (--peers)"
        ),
        Peer::UWebSockets | Peer::Sockudo => {}
    }
    let folder = peer.folder(workspace);
    let sources = sources(workspace, peer)?;
    if fs::read_to_string(folder.join(STAMP)).is_ok_and(|stamp| stamp == sources.stamp()) {
        return Ok(());
    }
    let name = peer.name();
    progress.say("peers", &format!("{name}: {}", told(peer)));
    let begun = Instant::now();
    sources.write(&folder)?;
    build(workspace, family, peer, &folder)
        .with_context(|| format!("the peer {name} cannot be had; --peers says who takes part"))?;
    let stamp = folder.join(STAMP);
    fs::write(&stamp, sources.stamp())
        .with_context(|| format!("{} cannot be written", stamp.display()))?;
    progress.say(
        "peers",
        &format!("{name}: ready after {:.0} s", begun.elapsed().as_secs_f64()),
    );
    Ok(())
}

fn tools(peer: Peer) -> &'static [Tool] {
    match peer {
        Peer::UWebSockets => &[GXX],
        Peer::Nchan => &[NCHAN],
        Peer::Centrifuge => &[],
        Peer::Ws | Peer::SocketIo => &[NODE, NPM],
        Peer::Sockudo => &[PROTOC, PROTOS],
    }
}

fn told(peer: Peer) -> String {
    match peer {
        Peer::UWebSockets => format!(
            "fetching {} and compiling the C++ in it, half a minute or less",
            uwebsockets::PACKAGE
        ),
        Peer::Centrifuge => "go build with its modules, a minute or two at first".to_owned(),
        Peer::Ws | Peer::SocketIo => "npm ci, a few seconds".to_owned(),
        Peer::Sockudo => {
            format!("cargo install sockudo {SOCKUDO}, some minutes on two cores, once")
        }
        Peer::Nchan => "the package nginx's module comes in".to_owned(),
    }
}

fn build(workspace: &Workspace, family: &Family, peer: Peer, folder: &Path) -> Result<()> {
    match peer {
        Peer::UWebSockets => uwebsockets::build(workspace, family, folder),
        Peer::Centrifuge => {
            let mut go = Command::new("go");
            go.args(["build", "-o", "server", "."]);
            run(family, go.current_dir(folder))
        }
        Peer::Ws | Peer::SocketIo => {
            let mut npm = Command::new("npm");
            npm.args(["ci", "--omit=dev", "--no-audit", "--no-fund"]);
            run(family, npm.current_dir(folder))
        }
        Peer::Sockudo => {
            let mut cargo = workspace.cargo();
            cargo.args(["install", "sockudo", "--locked", "--version", SOCKUDO]);
            // Rooms in this process' memory are all that is measured.
            cargo.args(["--no-default-features", "--features", "local", "--root"]);
            cargo
                .arg(folder)
                .env("CARGO_TARGET_DIR", folder.join("target"));
            run(family, &mut cargo)
        }
        Peer::Nchan => Ok(()),
    }
}

/// Runs a command whose stdout nobody needs.
pub fn run(family: &Family, command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = family.run(command.stdout(Stdio::null()))?;
    if !status.success() {
        bail!("{program} ended with {status}; what it said stands above");
    }
    Ok(())
}

/// What of a peer lies in this checkout: each file's name and text.
struct Sources(Vec<(String, String)>);

fn sources(workspace: &Workspace, peer: Peer) -> Result<Sources> {
    if peer == Peer::Sockudo {
        // Its configuration is written when it starts.
        return Ok(Sources(vec![("release".to_owned(), SOCKUDO.to_owned())]));
    }
    let folder = workspace.path("tools/peers").join(peer.folder_name());
    let cannot = || format!("{} cannot be read", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        // What an editor or a package manager left there is no source.
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let text = fs::read_to_string(&path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            files.push((name.into_owned(), text));
        }
    }
    files.sort();
    Ok(Sources(files))
}

impl Sources {
    /// All of it as one text.
    fn stamp(&self) -> String {
        self.0
            .iter()
            .map(|(name, text)| format!("{name}\n{text}\n"))
            .collect()
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let cannot = || format!("{} cannot be written", folder.display());
        fs::create_dir_all(folder).with_context(cannot)?;
        for (name, text) in &self.0 {
            fs::write(folder.join(name), text).with_context(cannot)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_source_makes_another_stamp() {
        let workspace = Workspace::find().unwrap();
        let node = sources(&workspace, Peer::Ws).unwrap();
        let names: Vec<&str> = node.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["package-lock.json", "package.json", "socketio.js", "ws.js"]
        );
        let go = sources(&workspace, Peer::Centrifuge).unwrap();
        assert_ne!(node.stamp(), go.stamp());
        let mut changed = sources(&workspace, Peer::Ws).unwrap();
        changed.0[3].1.push(' ');
        assert_ne!(node.stamp(), changed.stamp());
    }
}
