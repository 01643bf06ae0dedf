//! What the README tells people to type is typed here, on ports of its own.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

use super::Bench;
use crate::process::{Service, Stream, this_program};
use crate::settings;
use crate::up::{Edge, Plan, ready, redis};

/// What the answers to the README's `curl` lines hold: a publisher's, a reader's, a joining guest's.
const IN_ANSWERS: [&str; 3] = ["\"id\"", "hello", "\"ticket\""];

/// A block of the README between "```sh" and "```".
#[derive(Debug, PartialEq, Eq)]
enum Block {
    /// `cargo xtask …`: the other steps are that.
    Task,
    /// Lines for a shell, against a system that runs.
    Script(String),
    /// `cp .env.example .env`, then Spin.
    Edge,
    /// The fan-out node, with these arguments.
    Node(Vec<String>),
}

/// Starts what the README says under "By hand", then runs its `curl` lines against that.
///
/// # Errors
/// When the README holds a line that is not run here, or one of them does not do what it says.
pub fn run(bench: &Bench<'_>) -> Result<()> {
    let text = fs::read_to_string(bench.workspace.path("README.md"))
        .context("README.md cannot be read")?;
    let blocks = blocks(&text)?;
    let plan = Plan::on_free_ports(bench.workspace, "readme", 1)?;
    let folder = bench.workspace.data("readme");
    let mut services = vec![redis::start(bench.family, &plan)?];
    let example = fs::read_to_string(bench.workspace.path(".env.example"))
        .context(".env.example cannot be read")?;
    let env_file = folder.join(".env");
    fs::write(&env_file, moved(&example, &plan))
        .with_context(|| format!("{} cannot be written", env_file.display()))?;

    for block in &blocks {
        let (name, mut command) = match block {
            Block::Edge => {
                if bench.edge == Edge::Spin {
                    spin_build(bench)?;
                }
                let command = bench.edge.command_with_env(bench.workspace, &plan, &folder);
                ("edge", command)
            }
            Block::Node(arguments) => {
                let mut command = Command::new(bench.workspace.binary("fanout"));
                // It reads `.env` where it is started.
                command
                    .args(moved_arguments(arguments, &plan))
                    .current_dir(&folder);
                ("fanout", command)
            }
            Block::Task | Block::Script(_) => continue,
        };
        let own: Vec<_> = command
            .get_envs()
            .map(|(name, _)| name.to_owned())
            .collect();
        for (name, _) in env::vars_os().filter(|(name, _)| is_setting(name) && !own.contains(name))
        {
            command.env_remove(name);
        }
        services.push(Service::start(
            bench.family,
            name,
            &plan.logs(),
            &mut command,
        )?);
    }
    let node = format!("http://127.0.0.1:{}/readyz", plan.nodes[0].admin);
    for (what, url) in [
        ("fanout", node),
        ("edge", format!("{}/readyz", plan.edge_url())),
        ("demo page", plan.demo_url()),
        ("demo room", plan.demo_room_url()),
    ] {
        let check = || services.iter_mut().try_for_each(Service::check);
        ready::wait(bench.family.stop(), what, check, || ready::get(&url))?;
    }
    for block in &blocks {
        if let Block::Script(lines) = block {
            run_script(bench, lines, &plan, &env_file)?;
        }
    }
    while let Some(mut service) = services.pop() {
        service.end();
    }
    Ok(())
}

/// For edge-host the components have been built already, by the same commands.
fn spin_build(bench: &Bench<'_>) -> Result<()> {
    let mut command = Command::new("spin");
    command.arg("build").current_dir(bench.workspace.root());
    match bench.family.run(&mut command)? {
        status if status.success() => Ok(()),
        status => bail!("`spin build` failed ({status})"),
    }
}

fn run_script(bench: &Bench<'_>, lines: &str, plan: &Plan, env_file: &Path) -> Result<()> {
    let this = this_program()?;
    let script = lines
        .replace("http://127.0.0.1:3000", &plan.edge_url())
        .replace("cargo xtask ", &format!("'{}' ", this.display()))
        .replace(
            "curl ",
            "curl --no-progress-meter --fail-with-body --max-time 10 --write-out '\\n' ",
        );
    let answers = Mutex::new(String::new());
    let mut command = Command::new("sh");
    command
        .args(["-eu", "-c", &script])
        .current_dir(bench.workspace.root());
    // A `.env` of one's own in the checkout may have other keys.
    command.envs(settings::read(env_file)?);
    let status = bench.family.run_reading(&mut command, |stream, line| {
        eprintln!("{line}");
        if let (Stream::Stdout, Ok(mut answers)) = (stream, answers.lock()) {
            answers.push_str(line);
        }
    })?;
    if !status.success() {
        bail!("these lines of README.md failed ({status}):\n{lines}");
    }
    let answers = answers.into_inner().unwrap_or_default();
    match IN_ANSWERS.iter().find(|part| !answers.contains(**part)) {
        Some(part) => bail!("no answer to these lines of README.md holds {part}:\n{lines}"),
        None => Ok(()),
    }
}

fn is_setting(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("SPIN_VARIABLE_") || name.starts_with("TIDEGATE_")
}

/// The example with this plan's ports instead of the usual ones.
fn moved(example: &str, plan: &Plan) -> String {
    let node = &plan.nodes[0];
    let text = example
        .replace("http://127.0.0.1:3000", &plan.edge_url())
        .replace("ws://127.0.0.1:7001", &plan.socket_url(0))
        .replace(
            "redis://127.0.0.1:6379",
            &format!("redis://127.0.0.1:{}", plan.redis),
        )
        .replace(":8080", &format!(":{}", plan.demo));
    format!(
        "{text}\nTIDEGATE_LISTEN=127.0.0.1:{}\nTIDEGATE_ADMIN=127.0.0.1:{}\n",
        node.socket, node.admin
    )
}

fn moved_arguments(arguments: &[String], plan: &Plan) -> Vec<String> {
    arguments
        .iter()
        .map(|argument| argument.replace(":8080", &format!(":{}", plan.demo)))
        .collect()
}

/// The README's blocks for a shell, each as what it is.
fn blocks(readme: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    for text in readme.split("```sh\n").skip(1) {
        let text = text.split("```").next().unwrap_or_default();
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        blocks.push(match lines.as_slice() {
            [task] if task.starts_with("cargo xtask ") => Block::Task,
            ["cp .env.example .env", "spin build && spin up"] => Block::Edge,
            [node] if node.starts_with("cargo run -p fanout -- ") => {
                Block::Node(node.split(' ').skip(5).map(str::to_owned).collect())
            }
            [_, ..] if lines.iter().any(|line| line.starts_with("curl ")) => {
                Block::Script(lines.join("\n"))
            }
            _ => bail!("README.md has lines that no test runs:\n{text}"),
        });
    }
    let has = |wanted: fn(&Block) -> bool| blocks.iter().filter(|block| wanted(block)).count() == 1;
    if !has(|block| *block == Block::Edge) || !has(|block| matches!(block, Block::Node(_))) {
        bail!(
            "README.md does not say once how to start the edge and once how to start a node by hand"
        );
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY_HAND: &str = "```sh\ncp .env.example .env\nspin build && spin up\n```\nand\n```sh\ncargo run -p fanout -- --demo 127.0.0.1:8080\n```\n";

    #[test]
    fn blocks_are_told_apart() {
        let readme = format!(
            "# T\n```sh\ncargo xtask up\n```\n```\nnot for a shell\n```\n```sh\nT=1\ncurl x\n```\n{BY_HAND}"
        );
        let node = ["--demo", "127.0.0.1:8080"].map(str::to_owned).into();
        assert_eq!(
            blocks(&readme).unwrap(),
            [
                Block::Task,
                Block::Script("T=1\ncurl x".to_owned()),
                Block::Edge,
                Block::Node(node)
            ]
        );
    }

    #[test]
    fn a_line_that_nobody_runs_is_refused() {
        let error = blocks(&format!("{BY_HAND}```sh\nmake\n```\n"))
            .unwrap_err()
            .to_string();
        assert_eq!(error, "README.md has lines that no test runs:\nmake\n");
        assert!(blocks("").is_err());
    }
}
