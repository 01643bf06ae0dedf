//! A planned drain: the lines of gdnsd's `admin_state` that keep the moving names from a region.

use std::fmt::Write as _;

use tidegate_stream::Region;

use crate::DescriptionError;
use crate::description::{Description, Policy, Tier};

/// What is wanted of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// The moving names do not lead there. Its fixed names do.
    Drain,
    /// They do again, when it is up.
    Restore,
}

/// The file as it is to be. Lines of others and of other regions stay as they are; a wish that is fulfilled changes nothing.
///
/// # Errors
/// When the region is not described, gets no newcomers anyway, or is the last that does.
pub fn edit(
    description: &Description,
    before: &str,
    region: &Region,
    wish: Wish,
) -> Result<String, DescriptionError> {
    let refuse = |text: String| Err(DescriptionError::Content(text));
    let Some(member) = (description.regions.iter()).find(|member| member.name == *region) else {
        let known: Vec<&str> = (description.regions.iter())
            .map(|member| member.name.as_str())
            .collect();
        return refuse(format!(
            "there is no region {region} in the description; it has {}",
            known.join(", ")
        ));
    };
    if wish == Wish::Drain && member.weight == 0 {
        return refuse(format!(
            "{region} has weight 0 in the description: no newcomers are led there as it is"
        ));
    }
    let mut after = String::new();
    for line in before.lines().filter(|line| !is_ours(line, region)) {
        let _ = writeln!(after, "{line}");
    }
    if wish == Wish::Drain {
        let left = (description.moving())
            .any(|other| other.name != *region && !is_drained(before, &other.name));
        if !left {
            return refuse(format!(
                "{region} is the last region that takes newcomers; restore another first"
            ));
        }
        for key in keys(description, region) {
            let _ = writeln!(after, "{key} => DOWN {}", mark(region));
        }
    }
    Ok(after)
}

/// Whether a file's lines drain a region.
pub fn is_drained(state: &str, region: &Region) -> bool {
    state.lines().any(|line| is_ours(line, region))
}

/// What tells the lines of a drain from those of others.
fn mark(region: &Region) -> String {
    format!("# drained: {region}")
}

fn is_ours(line: &str, region: &Region) -> bool {
    line.trim_end().ends_with(&mark(region))
}

/// What gdnsd calls the things that are forced down.
fn keys(description: &Description, region: &Region) -> Vec<String> {
    let mut keys = Vec::new();
    for tier in Tier::ALL {
        let label = tier.label();
        match description.policy {
            Policy::Failover => keys.push(format!("metafo/{label}/{region}")),
            Policy::Geo => keys.push(format!("geoip/{label}/{region}")),
            // Weights know addresses only.
            Policy::Weighted => {
                let member = (description.regions.iter()).find(|member| member.name == *region);
                for address in member.into_iter().flat_map(|member| member.addresses(tier)) {
                    keys.push(format!("{address}/{label}"));
                }
            }
        }
    }
    keys
}
