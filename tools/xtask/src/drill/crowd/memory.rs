//! Whether a process' memory grows, at equal connections.

/// One look at a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When, s since the drill began.
    pub at_s: f64,
    /// Viewers who were subscribed there.
    pub connections: usize,
    /// Its memory (PSS), bytes.
    pub pss_bytes: u64,
}

/// How memory went.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Growth {
    /// Looks that are compared, and connections at the median of them.
    pub looks: usize,
    /// See there.
    pub connections: usize,
    /// The median of the first third of those looks, bytes.
    pub first_bytes: u64,
    /// The same of the last third.
    pub last_bytes: u64,
    /// From the one to the other.
    pub percent: f64,
}

/// Connections are equal when they differ by no more than this share.
const EQUAL: f64 = 0.1;
/// Fewer looks than this say nothing.
const LEAST: usize = 6;

/// Compares the first with the last of those looks from a time on that had as many connections. None: too few.
pub fn growth(points: &[Point], from_s: f64) -> Option<Growth> {
    let points: Vec<&Point> = points.iter().filter(|point| point.at_s >= from_s).collect();
    let connections = median(points.iter().map(|point| point.connections as u64))? as usize;
    let near = |point: &&&Point| {
        let apart = point.connections.abs_diff(connections) as f64;
        apart <= (connections as f64 * EQUAL).max(1.0)
    };
    let equal: Vec<u64> = (points.iter().filter(near))
        .map(|point| point.pss_bytes)
        .collect();
    if equal.len() < LEAST {
        return None;
    }
    let third = equal.len() / 3;
    let first_bytes = median(equal[..third].iter().copied())?;
    let last_bytes = median(equal[equal.len() - third..].iter().copied())?;
    Some(Growth {
        looks: equal.len(),
        connections,
        first_bytes,
        last_bytes,
        percent: (last_bytes as f64 / first_bytes.max(1) as f64 - 1.0) * 100.0,
    })
}

fn median(values: impl Iterator<Item = u64>) -> Option<u64> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(pss: impl Fn(u64) -> u64, connections: impl Fn(u64) -> usize) -> Vec<Point> {
        (0..60)
            .map(|n| Point {
                at_s: n as f64,
                connections: connections(n),
                pss_bytes: pss(n),
            })
            .collect()
    }

    #[test]
    fn growing_memory_is_found() {
        let growing = points(|n| 1_000_000 + n * 10_000, |_| 100);
        let growth = growth(&growing, 0.0).unwrap();
        assert!(growth.percent > 30.0, "{growth:?}");
    }

    #[test]
    fn flat_memory_is_flat_whatever_came_before_and_at_other_connections() {
        // It settles in the first ten seconds, and every fifth look has twice the viewers.
        let crowded = |n: u64| n.is_multiple_of(5);
        let flat = points(
            |n| {
                if n < 10 {
                    500_000
                } else if crowded(n) {
                    3_000_000
                } else {
                    1_000_000 + n % 3
                }
            },
            |n| if crowded(n) { 200 } else { 100 },
        );
        let growth = growth(&flat, 10.0).unwrap();
        assert!(growth.percent.abs() < 0.1, "{growth:?}");
        assert_eq!((growth.connections, growth.looks), (100, 40));
    }

    #[test]
    fn too_few_looks_say_nothing() {
        assert_eq!(growth(&points(|_| 1, |_| 1), 55.0), None);
        assert_eq!(growth(&[], 0.0), None);
    }
}
