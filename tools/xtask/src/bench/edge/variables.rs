//! Variables with the manifest's defaults in them, for who reads no manifest, and the manifest with the bench's own components.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;

use super::{CONSTANT, TWO_CALLS};
use crate::settings::Settings;
use crate::up::{HOST, Plan};
use crate::workspace::Workspace;

/// More than a bench can send, so that limits count and never refuse.
pub const UNLIMITED: &str = "1000000/1";

/// What follows the component of two calls, which comes last: what it may, and where both are found. Its room is the first of
/// the stage's.
const OWN: &str = r#"allowed_outbound_hosts = ["{{ redis_url }}"]

[component.two-calls.variables]
redis_url = "{{ redis_url }}"
prefix = "{{ prefix }}"
region = "{{ region }}"
room = "bench.room-0"

[[trigger.http]]
route = "/static"
component = "constant"

[[trigger.http]]
route = "/two-calls"
component = "two-calls"
"#;

/// The settings of this checkout, every variable of the manifest filled, with the bench's own addresses.
pub fn settings(workspace: &Workspace, plan: &Plan) -> Result<Settings> {
    let mut settings = Settings::load(workspace)?;
    let manifest: toml::Table = read(workspace)?.parse().context("spin.toml")?;
    let variables = manifest.get("variables").and_then(toml::Value::as_table);
    for (name, about) in variables.context("spin.toml has no variables")? {
        if settings.get(name).is_none() {
            let default = about.get("default").and_then(toml::Value::as_str);
            settings.set(name, default.unwrap_or_default());
        }
    }
    for name in ["limit_ip", "limit_user", "limit_room", "limit_service"] {
        settings.set(name, UNLIMITED);
    }
    let region = settings.required("region")?.to_owned();
    let regions = json!([{ "name": region, "edge": plan.edge_url(), "socket": format!("ws://{HOST}:{}", plan.demo) }]);
    settings.set("regions", regions.to_string());
    settings.set("upstream_a", format!("http://{HOST}:{}", plan.demo));
    settings.set("redis_url", format!("redis://{HOST}:{}", plan.redis));
    Ok(settings)
}

/// Writes `spin.toml` with the components that answer `/static` and `/two-calls`, and says where.
pub fn manifest(workspace: &Workspace, plan: &Plan) -> Result<PathBuf> {
    let own = read(workspace)?;
    // Sources are named from the manifest's own folder.
    let absolute = own
        .lines()
        .map(|line| match line.strip_prefix("source = \"") {
            Some(path) => format!("source = \"{}", workspace.path(path).display()),
            None => line.to_owned(),
        });
    let mut text = absolute.collect::<Vec<_>>().join("\n");
    for guest in [CONSTANT, TWO_CALLS] {
        let wasm = format!("wasm32-wasip2/release/{}.wasm", guest.replace('-', "_"));
        let wasm = workspace.target().join(wasm);
        let (name, wasm) = (guest.trim_start_matches("guest-"), wasm.display());
        text += &format!("\n\n[component.{name}]\nsource = \"{wasm}\"\n");
    }
    text += OWN;
    let folder = plan.logs();
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let path = folder.join("spin.toml");
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

fn read(workspace: &Workspace) -> Result<String> {
    fs::read_to_string(workspace.path("spin.toml")).context("spin.toml cannot be read")
}
