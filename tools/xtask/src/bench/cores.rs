//! Which core runs what: whoever is measured shares theirs with nobody else of this bench.

use std::ffi::OsStr;
use std::fs;
use std::process::Command;

/// Cores by what runs on them, as `taskset` takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores {
    /// The server that is measured: one core.
    pub server: String,
    /// Redis.
    pub redis: String,
    /// Whoever sends requests.
    pub load: String,
}

impl Cores {
    /// Shares out the cores that this process may use; none if there is only one, or no `taskset` (util-linux).
    pub fn share() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let list = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        let has_taskset = Command::new("taskset").arg("--version").output().is_ok();
        Self::of(&numbers(list)).filter(|_| has_taskset)
    }

    fn of(cores: &[u32]) -> Option<Self> {
        let (server, others) = cores.split_first()?;
        let (redis, load) = match others {
            [] => return None,
            [one] => (one, std::slice::from_ref(one)),
            [redis, load @ ..] => (redis, load),
        };
        let load: Vec<String> = load.iter().map(u32::to_string).collect();
        Some(Self {
            server: server.to_string(),
            redis: redis.to_string(),
            load: load.join(","),
        })
    }

    /// A sentence about it.
    pub fn told(&self) -> String {
        format!(
            "server on core {}, Redis on {}, load on {} (taskset)",
            self.server, self.redis, self.load
        )
    }
}

/// `0-2,5` as numbers.
fn numbers(list: &str) -> Vec<u32> {
    let ranges = list.trim().split(',').filter_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse::<u32>().ok()?..=last.trim().parse().ok()?)
    });
    ranges.flatten().collect()
}

/// The same command on some cores only; with none named, as it is. `taskset` becomes the program that it starts, so the
/// process stays one.
pub fn pinned(command: Command, cores: Option<&str>) -> Command {
    let Some(cores) = cores else {
        return command;
    };
    let mut pinned = Command::new("taskset");
    pinned.args([OsStr::new("-c"), OsStr::new(cores), command.get_program()]);
    pinned.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => pinned.env(name, value),
            None => pinned.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        pinned.current_dir(folder);
    }
    pinned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_has_a_core_of_its_own() {
        let shared = |list: &str| {
            Cores::of(&numbers(list)).map(|cores| [cores.server, cores.redis, cores.load].join(" "))
        };
        assert_eq!(shared("0"), None);
        assert_eq!(shared("0-1").unwrap(), "0 1 1");
        assert_eq!(shared("2,4-6").unwrap(), "2 4 5,6");
        assert_eq!(shared(""), None);
    }

    #[test]
    fn a_pinned_command_keeps_what_it_had() {
        let mut command = Command::new("server");
        command.arg("--x").env("A", "1").current_dir("/");
        let pinned = pinned(command, Some("3"));
        let args: Vec<_> = pinned.get_args().collect();
        assert_eq!(args, ["-c", "3", "server", "--x"]);
        assert_eq!(pinned.get_envs().count(), 1);
        assert!(pinned.get_current_dir().is_some());
    }
}
