//! What is printed once everything is ready.

use std::time::Duration;

use anyhow::Result;
use tidegate_auth::Scope;

use super::plan::{HOST, Plan};
use crate::settings::Settings;
use crate::token;

/// How long the printed token is good.
const LIFE: Duration = Duration::from_secs(12 * 60 * 60);

/// Addresses, and commands that publish and read.
///
/// # Errors
/// When no token can be signed.
pub fn text(plan: &Plan, settings: &Settings) -> Result<String> {
    let token = token::sign(
        settings,
        &token::Args::new("alice", &[Scope::Publish], LIFE),
    )?;
    let each = |address: &dyn Fn(usize) -> String| {
        (0..plan.nodes.len())
            .map(address)
            .collect::<Vec<_>>()
            .join("  ")
    };
    let (demo, edge, room) = (plan.demo_url(), plan.edge_url(), plan.demo_room_url());
    let sockets = each(&|node| plan.socket_url(node));
    let metrics = each(&|node| format!("http://{HOST}:{}/metrics", plan.nodes[node].admin));
    let (redis, logs) = (plan.redis, plan.logs());
    let logs = logs.display();
    Ok(format!(
        r#"
Tidegate is up. Ctrl-C ends it.

    demo page   {demo}
    edge        {edge}
    sockets     {sockets}
    metrics     {metrics}
    redis       redis://{HOST}:{redis}
    logs        {logs}

Publish into the demo page's room (the token is alice's, good for 12 hours), and read it:

    curl -X POST {room}/messages -H 'content-type: application/json' -H "idempotency-key: $(date +%s%N)" -H 'authorization: Bearer {token}' -d '{{"kind":"chat","data":{{"text":"hello"}}}}'
    curl {room}/messages?limit=10
"#
    ))
}
