//! How hard a core works: what newcomers are let in by, and what it says of itself.

use tidegate_hub::{Admission, Pressure};

use super::tick::TICK_MS;

/// The time that this thread has computed, ns, then what else the kernel says of it.
const SCHEDSTAT: &str = "/proc/thread-self/schedstat";
/// Ticks over which computing time is measured: a second is what viewers feel and nodes are chosen by.
const WINDOW_TICKS: u32 = 10;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    ticked_ms: u64,
    /// Since the last tick.
    late_ms: u64,
    /// In the window.
    worst_ms: u64,
    ticks: u32,
    window_ms: u64,
    computed_ns: Option<u64>,
    cpu_permille: Option<u16>,
}

impl Gauge {
    /// Something that was due then is begun now.
    pub(super) fn began(&mut self, due_ms: u64, now_ms: u64) {
        self.late_ms = self.late_ms.max(now_ms.saturating_sub(due_ms));
    }

    /// For every tick; what was seen in the last window, if one ends.
    pub(super) fn tick(&mut self, now_ms: u64, admission: &mut Admission) -> Option<Pressure> {
        if self.ticked_ms > 0 {
            self.began(self.ticked_ms + TICK_MS, now_ms);
        }
        self.ticked_ms = now_ms;
        let lag_ms = std::mem::take(&mut self.late_ms);
        self.worst_ms = self.worst_ms.max(lag_ms);
        self.ticks += 1;
        let ended = self.ticks == WINDOW_TICKS;
        if ended {
            self.measure(now_ms);
        }
        admission.measured(Pressure {
            lag_ms,
            cpu_permille: self.cpu_permille,
        });
        ended.then(|| Pressure {
            lag_ms: std::mem::take(&mut self.worst_ms),
            cpu_permille: self.cpu_permille,
        })
    }

    fn measure(&mut self, now_ms: u64) {
        let computed_ns = computed_ns();
        let passed_ms = now_ms.saturating_sub(self.window_ms).max(1);
        self.cpu_permille = computed_ns.zip(self.computed_ns).map(|(now, before)| {
            let permille = now.saturating_sub(before) / (passed_ms * 1_000);
            u16::try_from(permille.min(1_000)).unwrap_or(1_000)
        });
        self.computed_ns = computed_ns;
        self.window_ms = now_ms;
        self.ticks = 0;
    }
}

/// None where the system does not say.
fn computed_ns() -> Option<u64> {
    let text = std::fs::read_to_string(SCHEDSTAT).ok()?;
    text.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_of_ticks_and_of_what_was_due_is_seen_and_slows_newcomers() {
        let (mut gauge, mut admission) = (Gauge::default(), Admission::new(1_000));
        let mut now_ms = 1_000;
        let mut said = Vec::new();
        for tick in 0..20 {
            if tick == 3 {
                gauge.began(now_ms - 70, now_ms);
            }
            said.extend(gauge.tick(now_ms, &mut admission));
            if tick == 3 {
                assert!(admission.per_s() < 1_000);
            }
            now_ms += if tick == 12 { 230 } else { 100 };
        }
        let lags: Vec<u64> = said.iter().map(|pressure| pressure.lag_ms).collect();
        assert_eq!(lags, [70, 130]);
    }

    #[test]
    fn a_thread_that_computes_is_seen_to() {
        let (mut gauge, mut admission) = (Gauge::default(), Admission::new(1_000));
        let begun = std::time::Instant::now();
        let mut seen = None;
        while seen.is_none_or(|permille| permille < 10) {
            assert!(begun.elapsed().as_secs() < 20, "not in time");
            // Here a tick comes as often as it can.
            let now_ms = 1 + begun.elapsed().as_millis() as u64;
            let pressure = gauge.tick(now_ms, &mut admission);
            seen = seen.max(pressure.and_then(|pressure| pressure.cpu_permille));
        }
    }
}
