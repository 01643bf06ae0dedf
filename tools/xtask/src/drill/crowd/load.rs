//! At which rate the cores are as busy as wanted.

/// How busy they are to be: 70 % of what they can do.
pub const BUSY: f64 = 0.7;
/// Close enough.
const NEAR: f64 = 0.04;
/// A step changes the rate by no more than this factor: busy cores take less for each message than idle ones.
const STEP: f64 = 3.0;
/// Bounds of a rate, messages a second.
pub const RATES: (u32, u32) = (5, 5_000);

/// How busy a part of the machine was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Busy {
    /// Everything of the drill: nodes, Redis, viewers; of all cores.
    pub all: f64,
    /// The busiest node, of its one core.
    pub node: f64,
}

impl Busy {
    /// Whichever is closer to its end.
    pub fn most(self) -> f64 {
        self.all.max(self.node)
    }
}

/// The next rate to try; none: this one is right, or as far as rates go.
pub fn next(rate: u32, busy: Busy) -> Option<u32> {
    let busy = busy.most().max(0.001);
    if (busy - BUSY).abs() <= NEAR {
        return None;
    }
    let factor = (BUSY / busy).clamp(1.0 / STEP, STEP);
    let wanted = (f64::from(rate) * factor).round() as u32;
    Some(wanted.clamp(RATES.0, RATES.1)).filter(|wanted| *wanted != rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_found_where_cost_is_a_line_and_where_it_flattens() {
        let line = |rate: u32| 0.2 + f64::from(rate) * 0.002;
        let flattens = |rate: u32| (f64::from(rate) / 1_000.0).sqrt();
        for cost in [&line as &dyn Fn(u32) -> f64, &flattens] {
            let (mut rate, mut tries) = (20, 0);
            while let Some(wanted) = next(
                rate,
                Busy {
                    all: cost(rate),
                    node: 0.1,
                },
            ) {
                (rate, tries) = (wanted, tries + 1);
                assert!(tries < 10);
            }
            assert!((cost(rate) - BUSY).abs() <= NEAR, "{rate}: {}", cost(rate));
        }
    }

    #[test]
    fn the_busiest_decides_and_rates_have_bounds() {
        assert!(
            next(
                100,
                Busy {
                    all: 0.3,
                    node: 0.9
                }
            ) < Some(100)
        );
        assert_eq!(
            next(
                RATES.0,
                Busy {
                    all: 2.0,
                    node: 1.0
                }
            ),
            None
        );
        assert_eq!(
            next(
                RATES.1,
                Busy {
                    all: 0.1,
                    node: 0.1
                }
            ),
            None
        );
    }
}
