//! Going over all connections, spread over a time: one after the other is sent somewhere, or told where it may go.

use std::ops::Range;

use tidegate_hub::SubRef;
use tidegate_protocol::frames::{Endpoint, Notice};
use tidegate_protocol::sse::{self, EventName};
use tidegate_room::endpoint::Crowd;
use tidegate_room::places::{Target, Turns};

use super::conn::Kind;
use super::core::Core;
use super::tick::TICK_MS;

/// Over how long viewers are told of new endpoints, ms. At most one such tour is under way.
const NEWS_MS: u64 = 5_000;

/// One such round.
pub(super) struct Tour {
    begun_ms: u64,
    over_ms: u64,
    /// The next connection.
    next: u32,
    turns: Turns,
}

/// A core's rounds.
#[derive(Default)]
pub(super) struct Tours {
    /// Redis is away: viewers are sent to another region.
    away: Option<Tour>,
    /// Endpoints have changed.
    news: Option<Tour>,
    /// They have changed again since.
    newer: Option<Turns>,
}

impl Tour {
    pub(super) fn new(now_ms: u64, over_ms: u64, turns: Turns) -> Self {
        Self {
            begun_ms: now_ms,
            over_ms,
            next: 0,
            turns,
        }
    }

    pub(super) fn left_ms(&self, now_ms: u64) -> u64 {
        self.over_ms.saturating_sub(now_ms - self.begun_ms)
    }

    /// The connections whose turn has come.
    fn due(&mut self, now_ms: u64, capacity: u32) -> Range<u32> {
        let capacity = u64::from(capacity);
        let share = if self.left_ms(now_ms) == 0 {
            capacity
        } else {
            // One tick ahead, so that the first are told at once.
            (now_ms - self.begun_ms + TICK_MS) * capacity / self.over_ms
        };
        let upto = share.min(capacity) as u32;
        let due = self.next..upto.max(self.next);
        self.next = due.end;
        due
    }
}

impl Core {
    /// Redis is away: the viewers are sent to other regions.
    pub(super) fn begin_moving(&mut self, turns: Turns) {
        if self.drain.is_none() {
            let now_ms = self.node.clock.now_ms();
            self.tours.away = Some(Tour::new(now_ms, crate::away::SPREAD_MS, turns));
        }
    }

    /// Redis is back.
    pub(super) fn stop_moving(&mut self) {
        self.tours.away = None;
    }

    /// The endpoints have changed.
    pub(super) fn tell_endpoints(&mut self, turns: Turns) {
        if self.tours.news.is_some() {
            self.tours.newer = Some(turns);
        } else {
            let now_ms = self.node.clock.now_ms();
            self.tours.news = Some(Tour::new(now_ms, NEWS_MS, turns));
        }
    }

    /// For every tick.
    pub(super) fn go_on_tours(&mut self, now_ms: u64) {
        if let Some(mut tour) = self.tours.away.take() {
            self.move_on(&mut tour, now_ms);
            let over = tour.left_ms(now_ms) == 0;
            self.tours.away = Some(tour).filter(|_| !over);
        }
        let Some(mut tour) = self.tours.news.take() else {
            return;
        };
        for key in tour.due(now_ms, self.conns.capacity()) {
            self.say_endpoints(key, &mut tour.turns);
        }
        self.tours.news = if tour.left_ms(now_ms) > 0 {
            Some(tour)
        } else {
            let newer = self.tours.newer.take();
            newer.map(|turns| Tour::new(now_ms, NEWS_MS, turns))
        };
    }

    /// Sends those away whose turn has come.
    pub(super) fn move_on(&mut self, tour: &mut Tour, now_ms: u64) {
        let within_ms = tour.left_ms(now_ms);
        for key in tour.due(now_ms, self.conns.capacity()) {
            self.say_move(key, within_ms, &mut tour.turns);
        }
    }

    fn say_move(&mut self, key: u32, within_ms: u64, turns: &mut Turns) {
        let Some(conn) = self.conns.get(key) else {
            return;
        };
        let room = conn
            .subs
            .as_slice()
            .get(1)
            .or(conn.subs.as_slice().first())
            .copied();
        let events = match &conn.kind {
            Kind::Socket { .. } => false,
            Kind::Events { started: true, .. } => true,
            _ => return,
        };
        let list = self.list_for(room, turns);
        let notice = Notice::Move {
            within_ms,
            endpoints: &list,
        };
        self.metrics().moves.add(1);
        if events {
            let mut frame = Vec::new();
            sse::event(&mut frame, None, EventName::Move, |out| notice.json(out));
            self.conns.answer(key, frame);
        } else {
            self.say(key, &notice);
        }
    }

    /// The next list, for a viewer whose first room this is: a small room stays together.
    fn list_for(&self, room: Option<SubRef>, turns: &mut Turns) -> Vec<Endpoint> {
        let crowd = room.and_then(|sub| self.hub.crowd_of(sub));
        let crowd = crowd.filter(|(room, _)| !room.is_reserved());
        endpoints(turns.next_list(match crowd {
            Some((room, viewers)) => Crowd::Of(room, viewers),
            None => Crowd::Anybody,
        }))
    }

    fn say_endpoints(&mut self, key: u32, turns: &mut Turns) {
        let Some(conn) = self.conns.get(key) else {
            return;
        };
        // Whoever has not said hello yet has just been given a list; whoever is blocked has more urgent things to read.
        let listens = matches!(conn.kind, Kind::Socket { greeted: true, .. }) && !conn.is_blocked();
        if listens {
            let room = conn.subs.as_slice().get(1).copied();
            let list = self.list_for(room, turns);
            self.metrics().endpoints.add(1);
            self.say(key, &Notice::Endpoints(&list));
        }
    }
}

fn endpoints(list: Vec<Target>) -> Vec<Endpoint> {
    list.into_iter()
        .map(|target| Endpoint {
            region: target.region,
            url: target.url,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_turn_and_the_last_in_time() {
        let turns = Turns::new(None, Vec::new(), 0);
        let mut tour = Tour::new(1_000, 5_000, turns);
        assert_eq!(tour.due(1_000, 100), 0..2);
        assert_eq!(tour.due(1_000, 100), 2..2);
        assert_eq!(tour.due(3_500, 100), 2..52);
        assert_eq!(tour.left_ms(3_500), 2_500);
        // Whoever came meanwhile is among them.
        assert_eq!(tour.due(6_000, 130), 52..130);
    }
}
