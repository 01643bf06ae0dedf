//! What is printed once all regions are ready.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;
use tidegate_auth::Scope;

use super::commands::Commands;
use super::layout::ZONE;
use crate::token;

/// How long the printed token is good.
const LIFE: Duration = Duration::from_secs(12 * 60 * 60);

/// Addresses, and commands that ask for names, publish and read.
///
/// # Errors
/// When no token can be signed.
pub fn text(commands: &Commands) -> Result<String> {
    let layout = &commands.layout;
    let sign = token::Args::new("alice", &[Scope::Publish], LIFE);
    let token = token::sign(&commands.settings, &sign)?;
    let mut text = "\nTidegate is up in several regions. Ctrl-C ends it.\n".to_owned();
    for site in &layout.sites {
        let nodes: Vec<String> = (0..site.nodes.len())
            .map(|node| layout.socket_url(site, node))
            .collect();
        let _ = write!(
            text,
            "\n    {}\n        demo page   {}\n        edge        {}\n        sockets     {}\n        redis       redis://{}\n",
            site.name,
            layout.demo_url(site),
            layout.edge_url(site),
            nodes.join("  "),
            layout.redis(site),
        );
    }
    let (dns, logs) = (layout.dns(), layout.logs());
    let _ = write!(
        text,
        "\n    name server {dns}\n    logs        {}\n\nWhere newcomers are led (kill an edge and ask again after ten seconds):\n\n    \
         dig @{} -p {} +short api.{ZONE} live.{ZONE}\n\n\
         Publish in one region (the token is alice's, good for 12 hours), and read it in another:\n\n",
        logs.display(),
        dns.ip(),
        dns.port(),
    );
    let room = |site| format!("{}/v1/rooms/demo.lobby", layout.edge_url(site));
    if let [first, second, ..] = layout.sites.as_slice() {
        let _ = write!(
            text,
            "    curl -X POST {}/messages -H 'content-type: application/json' -H \"idempotency-key: $(date +%s%N)\" -H \
             'authorization: Bearer {token}' -d '{{\"kind\":\"chat\",\"data\":{{\"text\":\"hello\"}}}}'\n    \
             curl {}/messages?limit=10\n",
            room(first),
            room(second),
        );
    }
    Ok(text)
}
