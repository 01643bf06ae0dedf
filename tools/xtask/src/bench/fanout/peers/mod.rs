//! Other people's servers: fetched from package registries, built below the target folder, and started.
//!
//! What is ours of them lies in `tools/peers`: one short program or configuration each.

mod install;
mod uwebsockets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

pub use self::install::install;
use crate::doctor;
use crate::up::HOST;
use crate::workspace::Workspace;

/// A server that others use for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Peer {
    /// uWebSockets, C++.
    #[value(name = "uwebsockets")]
    UWebSockets,
    /// nginx with Nchan.
    Nchan,
    /// Centrifuge, the library that Centrifugo is made of, Go.
    Centrifuge,
    /// `ws`, Node.
    Ws,
    /// Socket.IO, Node.
    #[value(name = "socketio")]
    SocketIo,
    /// sockudo, Rust.
    Sockudo,
}

/// The release of sockudo that is built.
const SOCKUDO: &str = "5.2.0";

/// Where a subject is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// By viewers.
    pub viewers: String,
    /// By the publisher.
    pub publish: String,
}

impl Peer {
    /// As it is typed and printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::UWebSockets => "uwebsockets",
            Self::Nchan => "nchan",
            Self::Centrifuge => "centrifuge",
            Self::Ws => "ws",
            Self::SocketIo => "socketio",
            Self::Sockudo => "sockudo",
        }
    }

    /// Below `tools/peers`, and below `target/tools/peers`.
    fn folder_name(self) -> String {
        match self {
            Self::Ws | Self::SocketIo => "node".to_owned(),
            Self::Sockudo => format!("sockudo-{SOCKUDO}"),
            Self::UWebSockets | Self::Nchan | Self::Centrifuge => self.name().to_owned(),
        }
    }

    fn folder(self, workspace: &Workspace) -> PathBuf {
        workspace
            .target()
            .join("tools/peers")
            .join(self.folder_name())
    }

    /// Where it is reached at a port.
    pub fn urls(self, port: u16) -> Urls {
        let (viewers, publish) = match self {
            Self::UWebSockets | Self::Ws => ("ws/", "ws/publish"),
            Self::Nchan => ("ws/sub", "http/publish"),
            Self::Centrifuge => ("ws/connection/websocket", "http/publish"),
            Self::SocketIo => (
                "ws/socket.io/?EIO=4&transport=websocket",
                "ws/socket.io/?EIO=4&transport=websocket",
            ),
            Self::Sockudo => ("ws/app/app-key?protocol=7", "http/apps/app-id/events"),
        };
        let url = |of: &str| {
            let (scheme, path) = of.split_once('/').unwrap_or((of, ""));
            format!("{scheme}://{HOST}:{port}/{path}")
        };
        Urls {
            viewers: url(viewers),
            publish: url(publish),
        }
    }

    /// What starts it at a port, for one core. It may keep messages for `tick_ms` to send them together, and compresses them
    /// with `deflate`, if it can.
    ///
    /// # Errors
    /// When its configuration cannot be written.
    pub fn command(
        self,
        workspace: &Workspace,
        port: u16,
        tick_ms: u32,
        deflate: bool,
    ) -> Result<Command> {
        let folder = self.folder(workspace);
        let port = port.to_string();
        let mut command = match self {
            Self::UWebSockets => Command::new(folder.join("server")),
            Self::Centrifuge => {
                let mut command = Command::new(folder.join("server"));
                command.env("GOMAXPROCS", "1");
                command.arg(format!("-write-delay={tick_ms}ms"));
                command.arg(format!("-compression={deflate}"));
                command
            }
            Self::Ws | Self::SocketIo => {
                let mut command = Command::new("node");
                command.env("NODE_ENV", "production");
                command.arg(folder.join(format!("{}.js", self.name())));
                command
            }
            Self::Nchan => return nginx(workspace, &folder, &port),
            Self::Sockudo => return sockudo(workspace, &folder, &port),
        };
        command.arg(&port).current_dir(&folder);
        Ok(command)
    }
}

fn nginx(workspace: &Workspace, folder: &Path, port: &str) -> Result<Command> {
    write(workspace, "nchan/nginx.conf", folder, port)?;
    let program = doctor::on_path("nginx").context("nginx is not on the PATH")?;
    let mut command = Command::new(program);
    command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]);
    command.arg(folder);
    Ok(command)
}

fn sockudo(workspace: &Workspace, folder: &Path, port: &str) -> Result<Command> {
    write(workspace, "sockudo/config.json", folder, port)?;
    let mut command = Command::new(folder.join("bin/sockudo"));
    command.arg("--config").arg(folder.join("config.json"));
    // As others have no access log here: it writes a line for each connection otherwise.
    command.env("RUST_LOG", "error");
    command.current_dir(folder);
    Ok(command)
}

/// Writes a configuration with the port in it.
fn write(workspace: &Workspace, source: &str, folder: &Path, port: &str) -> Result<()> {
    let source = workspace.path("tools/peers").join(source);
    let text = fs::read_to_string(&source)
        .with_context(|| format!("{} cannot be read", source.display()))?;
    let target = folder.join(source.file_name().unwrap_or_default());
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&target, at_port(&text, port)))
        .with_context(|| format!("{} cannot be written", target.display()))
}

/// A port stands for PORT wherever that is a word by itself, but in comments.
fn at_port(text: &str, port: &str) -> String {
    let line = |line: &str| match line.trim_start().starts_with('#') {
        true => line.to_owned(),
        false => line.replace("PORT", port),
    };
    text.lines().map(|one| line(one) + "\n").collect()
}

/// Peers as the command line names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peers(pub Vec<Peer>);

impl Peers {
    /// Names with commas between them, `all`, or `none`.
    ///
    /// # Errors
    /// Names the one that nobody is called.
    pub fn parse(text: &str) -> Result<Self, String> {
        use clap::ValueEnum;
        let mut peers = match text {
            "all" => Peer::value_variants().to_vec(),
            "none" => Vec::new(),
            names => names
                .split(',')
                .map(|name| {
                    Peer::from_str(name.trim(), false).map_err(|_| {
                        let known = Peer::value_variants().iter().map(|peer| peer.name());
                        format!(
                            "no peer is called {name:?}; there are {}, and `all` and `none`",
                            known.collect::<Vec<_>>().join(", ")
                        )
                    })
                })
                .collect::<Result<_, _>>()?,
        };
        peers.dedup();
        Ok(Self(peers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_read_by_name() {
        let parse = |text: &str| Peers::parse(text).map(|peers| peers.0);
        assert_eq!(parse("none"), Ok(vec![]));
        assert_eq!(parse("all").unwrap().len(), 6);
        assert_eq!(
            parse("uwebsockets, socketio"),
            Ok(vec![Peer::UWebSockets, Peer::SocketIo])
        );
        let error = parse("pushpin").unwrap_err();
        assert!(
            error.starts_with("no peer is called \"pushpin\"; there are uwebsockets, nchan,"),
            "{error}"
        );
    }

    #[test]
    fn addresses_are_those_of_each_dialect() {
        let urls = Peer::Nchan.urls(80);
        assert_eq!(urls.viewers, "ws://127.0.0.1:80/sub");
        assert_eq!(urls.publish, "http://127.0.0.1:80/publish");
        assert_eq!(Peer::Ws.urls(80).viewers, "ws://127.0.0.1:80/");
    }

    #[test]
    fn a_port_is_put_into_a_configuration_but_not_into_its_comments() {
        let text = "# PORT is put in\nlisten 127.0.0.1:PORT;\n";
        assert_eq!(
            at_port(text, "81"),
            "# PORT is put in\nlisten 127.0.0.1:81;\n"
        );
    }
}
