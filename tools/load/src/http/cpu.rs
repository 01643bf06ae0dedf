//! CPU time of processes, as Linux tells it.

use std::collections::BTreeMap;
use std::fs;
use std::str::FromStr;

use anyhow::{Context, Result};

/// `/proc` counts in hundredths of a second, whatever the kernel's own tick is.
const TICKS_A_SECOND: f64 = 100.0;

/// A process, under the name that its CPU is added to.
#[derive(Debug, Clone)]
pub struct Watched {
    name: String,
    pid: u32,
}

impl FromStr for Watched {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text
            .split_once('=')
            .and_then(|(name, pid)| Some((name.to_owned(), pid.parse().ok()?)));
        let (name, pid) = parsed.ok_or("NAME=PID is meant, such as server=4711")?;
        Ok(Self { name, pid })
    }
}

/// User and system time of each name until now, in seconds.
///
/// # Errors
/// When a process has gone, or this is not Linux.
pub fn read(watched: &[Watched]) -> Result<BTreeMap<String, f64>> {
    let mut sums = BTreeMap::new();
    for Watched { name, pid } in watched {
        let seconds = of(*pid).with_context(|| format!("the CPU of {name} cannot be read"))?;
        *sums.entry(name.clone()).or_insert(0.0) += seconds;
    }
    Ok(sums)
}

/// User and system time of all threads of a process until now, in seconds.
///
/// # Errors
/// When it has gone, or this is not Linux.
pub fn of(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    seconds(&text).with_context(|| format!("{path} is not as expected"))
}

/// User and system time are the 14th and 15th field (`proc(5)`); the second may hold spaces and ends with the last `)`.
fn seconds(stat: &str) -> Option<f64> {
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_A_SECOND)
}

/// What was used between two readings.
pub fn difference(
    before: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
) -> BTreeMap<String, f64> {
    after
        .iter()
        .map(|(name, seconds)| (name.clone(), seconds - before.get(name).unwrap_or(&0.0)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_bracket_and_spaces_is_passed_over() {
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 9";
        assert_eq!(seconds(stat), Some(3.0));
        assert_eq!(seconds("42 (a) S 1"), None);
    }

    #[test]
    fn names_are_summed() {
        let own = std::process::id();
        let watched: Vec<Watched> = [format!("a={own}"), format!("a={own}")]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        assert_eq!(read(&watched).unwrap().len(), 1);
        assert!("a".parse::<Watched>().is_err());
    }
}
