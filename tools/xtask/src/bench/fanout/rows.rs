//! What the turns come to: medians, and what they are of somebody else's.

use super::super::row::{Counted, Latency, Report, Row, median};
use super::case::{Case, Work};
use super::subject::Subject;
use super::turn::Taken;

/// Whom everybody is set against, as far as they took part.
const AGAINST: [&str; 4] = ["floor", "uwebsockets", "nchan", "centrifuge"];

/// The rows of a case and a subject: two for memory, else one. None without a turn.
pub fn of(case: Case, work: Work, subject: Subject, turns: &[Taken]) -> Vec<Row> {
    if turns.is_empty() {
        return Vec::new();
    }
    let of = |figure: &dyn Fn(&Taken) -> f64| median(turns.iter().map(figure).collect());
    let viewers = f64::from(work.viewers);
    let row = |name: &str, value: f64, unit| Row::of(name, subject.name(), value, unit);
    match case {
        Case::IdleMemory => {
            let pss = |turn: &Taken| turn.figures.memory.pss_open - turn.figures.memory.pss_before;
            let slab =
                |turn: &Taken| turn.figures.memory.slab_open - turn.figures.memory.slab_before;
            vec![
                row(case.name(), of(&pss) / viewers, "bytes"),
                row("idle_slab", of(&slab) / viewers, "bytes"),
            ]
        }
        Case::Accept => {
            let accepted = |turn: &Taken| viewers / turn.figures.open.server_cpu_s;
            vec![row(case.name(), of(&accepted), "connections/cpu_s")]
        }
        Case::EdgeToLast1000 | Case::EdgeToLast10000 => {
            let p99 = of(&|turn: &Taken| turn.figures.last_p99_ms);
            vec![Row {
                latency: Some(Latency {
                    p50_ms: of(&|turn: &Taken| turn.figures.last_p50_ms),
                    p99_ms: p99,
                    max_ms: most(turns, |turn| turn.figures.last_max_ms),
                }),
                ..messages(row(case.name(), p99, "p99 ms"), turns)
            }]
        }
        Case::Uncoalesced1000
        | Case::Uncoalesced5000
        | Case::Coalesced50ms1000
        | Case::Coalesced50ms1000Deflate => {
            let value = of(&deliveries_per_cpu_s);
            vec![Row {
                latency: Some(Latency {
                    p50_ms: of(&|turn: &Taken| turn.figures.p50_ms),
                    p99_ms: of(&|turn: &Taken| turn.figures.p99_ms),
                    max_ms: most(turns, |turn| turn.figures.max_ms),
                }),
                ..messages(row(case.name(), value, "deliveries/cpu_s"), turns)
            }]
        }
    }
}

/// With what was checked, and how the subject fared in most turns.
fn messages(row: Row, turns: &[Taken]) -> Row {
    let sum = |count: fn(&Taken) -> u64| turns.iter().map(count).sum();
    let behind = turns.iter().filter(|turn| turn.overloaded).count();
    Row {
        counted: Some(Counted {
            expected: sum(|turn| turn.figures.expected),
            delivered: sum(|turn| turn.figures.delivered),
        }),
        overloaded: behind * 2 > turns.len(),
        redis_us: turns
            .iter()
            .map(|turn| turn.redis_us)
            .collect::<Option<Vec<f64>>>()
            .map(median),
        ..row
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn deliveries_per_cpu_s(turn: &Taken) -> f64 {
    turn.figures.delivered as f64 * turn.weight / turn.figures.run.server_cpu_s
}

fn most(turns: &[Taken], figure: fn(&Taken) -> f64) -> f64 {
    turns.iter().map(figure).fold(0.0, f64::max)
}

/// Whether a turn lasted long enough for the CPU that a case needs to be seen: the kernel counts it in hundredths of a second.
pub fn is_seen(case: Case, taken: &Taken) -> bool {
    match case {
        Case::Uncoalesced1000
        | Case::Uncoalesced5000
        | Case::Coalesced50ms1000
        | Case::Coalesced50ms1000Deflate => taken.figures.run.server_cpu_s > 0.0,
        Case::Accept => taken.figures.open.server_cpu_s > 0.0,
        Case::IdleMemory | Case::EdgeToLast1000 | Case::EdgeToLast10000 => true,
    }
}

/// A table of ratios: each value of those of others in the same case.
pub fn ratios(report: &Report) -> Vec<String> {
    let others: Vec<&str> = AGAINST
        .into_iter()
        .filter(|name| report.rows().iter().any(|row| row.subject == *name))
        .collect();
    if others.is_empty() {
        return Vec::new();
    }
    let head: String = others
        .iter()
        .map(|name| format!("{:>16}", format!("of {name}")))
        .collect();
    let mut lines = vec![String::new(), format!("{:<22}{:<12}{head}", "ratio", "")];
    for row in report.rows() {
        let cells: String = others
            .iter()
            .map(|other| match report.value(&row.case, other) {
                Some(value) if value > 0.0 && *other != row.subject => {
                    format!("{:>16.2}", row.value / value)
                }
                _ => format!("{:>16}", "-"),
            })
            .collect();
        lines.push(format!("{:<22}{:<12}{cells}", row.case, row.subject));
    }
    let behind = report.rows().iter().filter(|row| row.overloaded);
    lines.extend(behind.map(|row| {
        format!(
            "{}, {}: did not keep up with what was offered, so its figure is that of an overloaded server",
            row.case, row.subject
        )
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::peers::Peer;
    use super::super::turn::tests::figures;
    use super::*;

    fn taken(cpu_s: f64) -> Taken {
        let mut figures = figures();
        figures.run.server_cpu_s = cpu_s;
        Taken {
            figures,
            weight: 1.0,
            overloaded: false,
            redis_us: Some(90.0),
        }
    }

    fn one(case: Case, subject: Subject, turns: &[Taken]) -> Row {
        of(case, case.work(), subject, turns).remove(0)
    }

    #[test]
    fn a_row_is_the_median_of_its_turns_and_the_sum_of_what_was_counted() {
        let turns = [taken(1.0), taken(4.0), taken(2.0)];
        let row = one(Case::Uncoalesced1000, Subject::Tidegate, &turns);
        assert_eq!((row.value, row.unit), (500_000.0, "deliveries/cpu_s"));
        assert_eq!(row.redis_us, Some(90.0));
        let counted = row.counted.unwrap();
        assert_eq!(
            (counted.expected, counted.delivered),
            (3_000_000, 3_000_000)
        );
        assert!(of(Case::Accept, Case::Accept.work(), Subject::Tidegate, &[]).is_empty());
    }

    #[test]
    fn a_frame_of_the_bare_loop_counts_as_what_it_stands_for() {
        let mut turn = taken(1.0);
        turn.weight = 9.5;
        let row = one(Case::Coalesced50ms1000, Subject::Floor, &[turn]);
        assert_eq!(row.value, 9_500_000.0);
    }

    #[test]
    fn memory_is_that_of_one_connection_and_has_the_kernels_beside_it() {
        let case = Case::IdleMemory;
        let rows = of(case, case.work(), Subject::Floor, &[taken(1.0)]);
        assert_eq!(
            (rows[0].case.as_str(), rows[1].case.as_str()),
            ("idle_memory", "idle_slab")
        );
        assert_eq!(rows[1].value, 200.0);
        let accept = one(Case::Accept, Subject::Floor, &[taken(1.0)]);
        assert_eq!(accept.value, 150_000.0);
    }

    #[test]
    fn from_the_edge_to_the_last_viewer_the_last_ones_times_count() {
        let row = one(Case::EdgeToLast1000, Subject::Tidegate, &[taken(1.0)]);
        assert_eq!((row.value, row.latency.unwrap().p50_ms), (5.5, 4.5));
    }

    #[test]
    fn who_is_behind_in_most_turns_is_overloaded() {
        let mut turns = [taken(1.0), taken(1.0), taken(1.0)];
        turns[0].overloaded = true;
        let case = Case::Uncoalesced1000;
        assert!(!one(case, Subject::Tidegate, &turns).overloaded);
        turns[2].overloaded = true;
        assert!(one(case, Subject::Tidegate, &turns).overloaded);
    }

    #[test]
    fn ratios_are_told_of_those_who_took_part() {
        let mut report = Report::begin("fanout");
        let case = Case::Uncoalesced1000;
        let peer = Subject::Peer(Peer::UWebSockets);
        for (subject, cpu_s) in [(Subject::Tidegate, 1.0), (peer, 2.0)] {
            report.add(one(case, subject, &[taken(cpu_s)]));
        }
        let lines = ratios(&report);
        let words = |line: usize| lines[line].split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(1), "ratio of uwebsockets");
        assert_eq!(words(2), "uncoalesced_1000 tidegate 2.00");
        assert_eq!(words(3), "uncoalesced_1000 uwebsockets -");
        assert!(ratios(&Report::begin("fanout")).is_empty());
    }
}
