//! End-to-end tests that say something of edge-host alone. With Spin they are left out, and the closing table says which and why.

use super::closing::Closing;
use crate::up::Edge;

/// A test that does not hold of another edge.
#[derive(Debug)]
pub struct LeftOut {
    /// Its file in `tests/e2e/tests`, without `.rs`.
    pub binary: &'static str,
    /// Its function.
    pub name: &'static str,
    /// Why it says nothing of Spin.
    pub why: &'static str,
}

/// All of them. What Spin does otherwise than edge-host stands in `tools/edge-host/README.md`.
const EDGE_HOST_ONLY: &[LeftOut] = &[
    LeftOut {
        binary: "composed",
        name: "a_second_start_compiles_nothing",
        why: "its --cache-dir and what it logs of it; Spin keeps compiled components where it likes",
    },
    LeftOut {
        binary: "limits",
        name: "where_the_host_does_not_say_who_connects_the_proxies_of_ones_own_do",
        why: "Spin always says who connects",
    },
    LeftOut {
        binary: "limits",
        name: "where_nobody_who_is_trusted_says_who_connects_all_share_one_limit",
        why: "Spin always says who connects",
    },
    LeftOut {
        binary: "moderation",
        name: "a_judge_that_computes_without_an_end_is_ended",
        why: "Spin 4.1 does not end it, with --request-timeout neither, and serves nobody from then on (docs/moderation.md)",
    },
    LeftOut {
        binary: "upstreams_told",
        name: "fields_that_connection_names_end_at_the_edge",
        why: "Spin 4 passes them on, and the component does not see `Connection` (docs/routing.md)",
    },
];

/// What is left out with this edge.
pub fn with(edge: Edge) -> &'static [LeftOut] {
    match edge {
        Edge::Embedded => &[],
        Edge::Spin => EDGE_HOST_ONLY,
    }
}

/// Says it below the step's line in the closing table.
pub fn tell(edge: Edge, closing: &Closing) {
    for LeftOut { binary, name, why } in with(edge) {
        closing.add(format!("left out, edge-host only: {binary}::{name}: {why}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn what_is_left_out_is_there_and_has_a_name_of_its_own() {
        let workspace = Workspace::find().unwrap();
        let folder = workspace.path("tests/e2e/tests");
        let files: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
            .collect();
        for LeftOut { binary, name, .. } in EDGE_HOST_ONLY {
            let test = format!("#[test]\nfn {name}() {{");
            let file = std::fs::read_to_string(folder.join(format!("{binary}.rs"))).unwrap();
            assert!(file.contains(&test), "{binary} has no test {name}");
            // `cargo test` knows a test to skip by its name alone.
            let all = files.iter().filter(|file| file.contains(&test)).count();
            assert_eq!(all, 1, "{name}");
        }
    }
}
