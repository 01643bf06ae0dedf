//! One fan-out node.

use std::process::Command;

use super::plan::{HOST, Plan};
use crate::workspace::Workspace;

/// The process of node number `index`, counted from 0. The first one serves the demo page.
pub fn command(workspace: &Workspace, plan: &Plan, index: usize) -> Command {
    let ports = plan.nodes[index];
    let mut command = Command::new(workspace.binary("fanout"));
    command.current_dir(workspace.root());
    command.args(["--listen", &format!("{HOST}:{}", ports.socket)]);
    command.args(["--admin", &format!("{HOST}:{}", ports.admin)]);
    command.args(["--public-url", &plan.socket_url(index)]);
    command.args(["--node", &name(index), "--cores", "1"]);
    // No balancer has to notice first.
    command.args(["--drain-wait-ms", "0"]);
    if index == 0 {
        command.args(["--demo", &format!("{HOST}:{}", plan.demo)]);
        command.args(["--edge-url", &plan.edge_url()]);
    }
    command
}

/// What the node is called.
pub fn name(index: usize) -> String {
    format!("n{}", index + 1)
}
