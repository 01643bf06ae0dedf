//! How the edge grows with what is configured: routes, and limits that count a message.

use anyhow::Result;

use super::change::{FEWEST_POLICIES, MOST_POLICIES};
use super::stage::Stage;
use super::turn::{self, Taken, What};
use super::{Args, row};
use crate::bench::row::Report;
use crate::progress::Progress;

/// From a few routes to as many as there may be.
const ROUTES: [u32; 4] = [10, 100, 1_000, 5_000];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Configured {
    Routes(u32),
    Policies(usize),
}

/// One row to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Case {
    configured: Configured,
    what: What,
}

impl Case {
    fn name(self) -> String {
        match (self.configured, self.what) {
            (Configured::Routes(count), What::Routed { .. }) => format!("routed_{count}"),
            (Configured::Routes(count), _) => format!("publish_routes_{count}"),
            (Configured::Policies(count), _) => format!("publish_policies_{count}"),
        }
    }
}

fn cases() -> Vec<Case> {
    let by_routes = ROUTES.into_iter().flat_map(|routes| {
        [What::Publish, What::Routed { routes }].map(|what| Case {
            configured: Configured::Routes(routes),
            what,
        })
    });
    let by_policies = (FEWEST_POLICIES..=MOST_POLICIES).map(|count| Case {
        configured: Configured::Policies(count),
        what: What::Publish,
    });
    by_routes.chain(by_policies).collect()
}

/// Measures every case in turns, the edge started anew with what each has configured.
///
/// # Errors
/// When something is not taken or not in use, or an answer is not as it should be.
pub fn measure(
    stage: &mut Stage<'_>,
    progress: &Progress,
    args: &Args,
    report: &mut Report,
) -> Result<()> {
    let cases = cases();
    let mut taken: Vec<Vec<Taken>> = vec![Vec::new(); cases.len()];
    let bar = progress.bar("growth", u64::from(args.turns) * cases.len() as u64);
    for turn in 1..=args.turns {
        let mut configured = None;
        for (case, taken) in cases.iter().zip(&mut taken) {
            let name = case.name();
            bar.waiting_for(&format!("{name}, turn {turn}"));
            if configured != Some(case.configured) {
                match case.configured {
                    Configured::Routes(count) => stage.use_routes(count)?,
                    Configured::Policies(count) => stage.use_policies(count)?,
                }
                configured = Some(case.configured);
            }
            let one = turn::take(stage, "tidegate", case.what, args)?;
            bar.done(&format!(
                "{name}, turn {turn}: {:.1} us of CPU",
                one.server_us()
            ));
            taken.push(one);
        }
    }
    for (case, turns) in cases.iter().zip(&taken) {
        report.add(row(&case.name(), "tidegate", turns));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_case_has_a_name_of_its_own() {
        let names: BTreeSet<String> = cases().into_iter().map(Case::name).collect();
        assert_eq!(names.len(), cases().len());
        for name in ["publish_routes_5000", "routed_10", "publish_policies_3"] {
            assert!(names.contains(name), "{names:?}");
        }
    }
}
