//! What Linux says of a process: memory, files, threads, time on the processor.

use std::fs;

/// `USER_HZ`, the same on every Linux that Rust runs on.
const TICKS_A_SECOND: f64 = 100.0;

/// One look at a process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Gauge {
    /// Its share of memory, bytes.
    pub pss_bytes: u64,
    /// Open files.
    pub files: usize,
    /// Threads.
    pub threads: usize,
    /// Time on the processor so far, user and system, s.
    pub cpu_s: f64,
}

impl Gauge {
    /// Looks; none when it is gone.
    pub fn of(pid: u32) -> Option<Self> {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
        Some(Self {
            pss_bytes: 1024 * line(&read("smaps_rollup")?, "Pss:")?,
            files: fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count(),
            threads: line(&read("status")?, "Threads:")? as usize,
            cpu_s: ticks(&read("stat")?)? / TICKS_A_SECOND,
        })
    }
}

/// Time on the processor of several, s.
pub fn cpu_s(pids: &[u32]) -> f64 {
    let stat = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    let all = pids.iter().filter_map(|pid| ticks(&stat(pid)?));
    all.sum::<f64>() / TICKS_A_SECOND
}

/// The number behind a name.
fn line(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// `utime` and `stime`, fields 14 and 15 (`proc(5)`); the second field may hold spaces and ends with the last `)`.
fn ticks(stat: &str) -> Option<f64> {
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let rollup = "00400000-7fff [rollup]\nRss:  9000 kB\nPss:     1234 kB\nPss_Dirty: 5 kB\n";
        assert_eq!(line(rollup, "Pss:"), Some(1234));
        assert_eq!(line(rollup, "Swap:"), None);
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 1 1 1";
        assert_eq!(ticks(stat), Some(300.0));
        assert_eq!(ticks("7 (a) S"), None);
    }

    #[test]
    fn this_process_can_be_looked_at() {
        if cfg!(target_os = "linux") {
            let gauge = Gauge::of(std::process::id()).unwrap();
            assert!(
                gauge.pss_bytes > 0 && gauge.files > 2 && gauge.threads > 0,
                "{gauge:?}"
            );
        }
    }
}
