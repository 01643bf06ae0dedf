//! Requests on their way to a Redis, and answers on their way back.

use super::World;

/// A request that nobody answers is given up after so long, ms.
const PATIENCE_MS: u64 = 700;

impl World {
    /// Whether two regions can reach each other.
    fn reaches(&self, one: usize, other: usize) -> bool {
        !self.partitions.contains(&(one.min(other), one.max(other)))
    }

    /// How long something is on its way, ms: seldom much longer than usual, so that later ones overtake it.
    pub(super) fn way_ms(&mut self, one: usize, other: usize) -> u64 {
        let usual_ms = if one == other { 0..=2 } else { 12..=18 };
        let slow = self.chance.u32(..25) == 0;
        self.chance.u64(usual_ms) + if slow { self.chance.u64(..120) } else { 0 }
    }

    /// Does `work` at a region's Redis when the request has arrived there, and `then` with what it answered when that has
    /// come back; with nothing if one of both was lost. `work` may be done although nothing comes back.
    pub(super) fn visit<T: 'static>(
        &mut self,
        from: usize,
        to: usize,
        work: impl FnOnce(&mut Self) -> T + 'static,
        then: impl FnOnce(&mut Self, Option<T>) + 'static,
    ) {
        let way_ms = self.way_ms(from, to);
        let loss = self.plan.loss_of_1000;
        if !self.reaches(from, to) || self.happens(loss) {
            return self.after(PATIENCE_MS, |world| then(world, None));
        }
        self.after(way_ms, move |world| {
            let answer = work(world);
            let back_ms = world.way_ms(from, to);
            let lost = !world.reaches(from, to) || world.happens(loss);
            let answer = (!lost).then_some(answer);
            let wait_ms = if lost { PATIENCE_MS } else { back_ms };
            world.after(wait_ms, move |world| then(world, answer));
        });
    }
}
