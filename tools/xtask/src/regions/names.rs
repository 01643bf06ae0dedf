//! The name server before the regions: gdnsd on loopback, by the same description that an operator writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tidegate_gslb::{Description, gdnsd};

use super::layout::{Layout, ZONE};
use super::net::prefix;
use crate::doctor;
use crate::gslb;

/// What the operator of these regions would write.
fn description(layout: &Layout, run: &str, state: &str) -> String {
    let (ports, dns) = (layout.ports, layout.dns());
    let mut text = format!(
        "zone = \"{ZONE}\"\npolicy = \"failover\"\n\
         api = {{ scheme = \"http\", port = {} }}\nlive = {{ scheme = \"http\", port = {} }}\n\
         [gdnsd]\nlisten = [\"{dns}\"]\nrun_dir = \"{run}\"\nstate_dir = \"{state}\"\n\
         name_servers = [{{ name = \"ns1\", addresses = [\"{}\"] }}]\n",
        ports.edge,
        ports.socket,
        dns.ip()
    );
    for site in &layout.sites {
        let nodes: Vec<String> = site
            .nodes
            .iter()
            .map(|node| format!("\"{node}\""))
            .collect();
        text.push_str(&format!(
            "[[regions]]\nname = \"{}\"\napi = [\"{}\"]\nlive = [{}]\n",
            site.name,
            site.host,
            nodes.join(", ")
        ));
    }
    text
}

/// The folder of its control socket: a socket's path is 107 bytes at most, so it lies in no checkout. Its name is the
/// checkout's own, so that what a killed run left is used again.
pub fn run_folder(root: &Path) -> PathBuf {
    std::env::temp_dir().join(format!("tidegate-gdnsd-{}", prefix(root)))
}

/// Writes its configuration; gives the command that runs it.
///
/// # Errors
/// When a folder cannot be written.
pub fn command(root: &Path, layout: &Layout) -> Result<Command> {
    let folder = layout.data.join("gdnsd");
    let (run, state) = (run_folder(root), folder.join("state"));
    for made in [&run, &state] {
        fs::create_dir_all(made).with_context(|| format!("{} cannot be made", made.display()))?;
    }
    let text = description(
        layout,
        &run.display().to_string(),
        &state.display().to_string(),
    );
    let path = folder.join("regions.toml");
    fs::write(&path, &text).with_context(|| format!("{} cannot be written", path.display()))?;
    let description = Description::parse(&text).context("the description of these regions")?;
    gslb::write(&folder, &gdnsd::render(&description)?)?;
    let program = doctor::on_path("gdnsd").unwrap_or_else(|| PathBuf::from("gdnsd"));
    let mut command = Command::new(program);
    command.arg("-c").arg(folder).arg("start");
    Ok(command)
}
