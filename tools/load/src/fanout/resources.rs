//! What processes take, as Linux tells it in `/proc`.

use std::fs;

use anyhow::{Context, Result};

use crate::http::cpu;

/// Processes, each with all that descend from it.
#[derive(Debug, Clone)]
pub struct Watched(Vec<u32>);

impl Watched {
    /// Those of these ids.
    ///
    /// # Errors
    /// When one is not there.
    pub fn new(pids: &[u32]) -> Result<Self> {
        for pid in pids {
            cpu::of(*pid).with_context(|| format!("--server-pid {pid}"))?;
        }
        Ok(Self(pids.to_vec()))
    }

    /// User and system time until now, in seconds.
    ///
    /// # Errors
    /// When one is gone.
    pub fn cpu_s(&self) -> Result<f64> {
        self.all()?.into_iter().map(cpu::of).sum()
    }

    /// What is theirs of the memory, in bytes; what several processes share is divided among them (PSS).
    ///
    /// # Errors
    /// When one is gone or another user's.
    pub fn pss_bytes(&self) -> Result<u64> {
        let all = self.all()?.into_iter();
        all.map(|pid| kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:"))
            .sum()
    }

    /// The processes and their descendants, each once.
    fn all(&self) -> Result<Vec<u32>> {
        let mut all = self.0.clone();
        all.sort_unstable();
        all.dedup();
        if all.is_empty() {
            return Ok(all);
        }
        let mut parents = Vec::new();
        for entry in fs::read_dir("/proc").context("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            // It may have ended just now.
            if let Some(parent) = fs::read_to_string(format!("/proc/{pid}/stat"))
                .ok()
                .as_deref()
                .and_then(parent)
            {
                parents.push((pid, parent));
            }
        }
        let mut looked = 0;
        while looked < all.len() {
            let found = parents
                .iter()
                .filter(|(pid, parent)| *parent == all[looked] && !all.contains(pid));
            let found: Vec<u32> = found.map(|(pid, _)| *pid).collect();
            all.extend(found);
            looked += 1;
        }
        Ok(all)
    }
}

/// What the kernel's own caches take on the whole machine, in bytes: sockets are there.
///
/// # Errors
/// When this is not Linux.
pub fn slab_bytes() -> Result<u64> {
    kilobytes("/proc/meminfo", "Slab:")
}

fn kilobytes(path: &str, name: &str) -> Result<u64> {
    let text = fs::read_to_string(path).with_context(|| path.to_owned())?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    Ok(number.with_context(|| format!("{path} has no {name}"))? * 1_024)
}

/// The fourth field (`proc(5)`); the second may hold spaces and ends with the last `)`.
fn parent(stat: &str) -> Option<u32> {
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_counted_with_their_parent() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let own = std::process::id();
        let all = Watched::new(&[own]).unwrap().all().unwrap();
        assert!(all.contains(&own) && all.contains(&child.id()), "{all:?}");
        let watched = Watched::new(&[child.id(), child.id()]).unwrap();
        assert_eq!(watched.all().unwrap(), [child.id()]);
        assert!(watched.pss_bytes().unwrap() > 4_096);
        child.kill().unwrap();
        child.wait().unwrap();
        let error = Watched::new(&[child.id()]).unwrap_err();
        assert!(format!("{error:#}").contains("--server-pid"), "{error:#}");
        assert!(watched.cpu_s().is_err());
    }

    #[test]
    fn what_is_read_has_a_size() {
        assert!(slab_bytes().unwrap() > 1 << 20);
        assert_eq!(parent("42 (a) b) S 7 2 3"), Some(7));
        assert_eq!(Watched::new(&[]).unwrap().pss_bytes().unwrap(), 0);
    }
}
