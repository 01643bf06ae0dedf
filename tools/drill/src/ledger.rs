//! What was acknowledged, what each viewer got, and how the two compare.

use std::collections::{HashMap, HashSet};

use tidegate_stream::{MessageId, StreamId};

/// A message that somebody published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// Which room, by its place in the list.
    pub room: usize,
    /// Whether it may be left out under overload.
    pub is_chat: bool,
}

/// That one was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Which room, by its place in the list.
    pub room: usize,
    /// Under which id.
    pub id: MessageId,
    /// When the answer came, ms since the drill began.
    pub at_ms: u64,
}

/// Everything, by the numbers that messages carry.
#[derive(Debug, Default)]
pub struct Ledger {
    posted: Vec<Posted>,
    acknowledged: Vec<Option<Acknowledged>>,
    ids: HashSet<String>,
    ids_twice: u64,
}

/// What one viewer of one room got.
#[derive(Debug, Clone, Default)]
pub struct Receipts {
    room: usize,
    seen: Vec<u64>,
    last: HashMap<String, StreamId>,
    received: u64,
    repeated: u64,
    reordered: u64,
    left_out: u64,
    resets: u64,
}

/// How they compare, over all viewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// Messages that were acknowledged.
    pub acknowledged: u64,
    /// Messages that were acknowledged and that at least one viewer of their room lacks, chat that was left out excepted.
    pub lost: u64,
    /// Deliveries of acknowledged messages.
    pub received: u64,
    /// Deliveries that should have been.
    pub expected: u64,
    /// Deliveries that came a second time.
    pub repeated: u64,
    /// Deliveries that came after a later one of the same origin.
    pub reordered: u64,
    /// Chat that nodes left out and said so.
    pub left_out: u64,
    /// Ids that were given twice.
    pub ids_twice: u64,
    /// How often a viewer was told that history does not reach back.
    pub resets: u64,
}

impl Ledger {
    /// A message is about to be published; gives its number.
    pub fn post(&mut self, posted: Posted) -> u32 {
        self.posted.push(posted);
        self.acknowledged.push(None);
        u32::try_from(self.posted.len() - 1).unwrap_or(u32::MAX)
    }

    /// It was acknowledged, under this id, at this time, ms since the drill began.
    pub fn acknowledge(&mut self, number: u32, id: MessageId, at_ms: u64) {
        let Some(acknowledged) = self.acknowledged.get_mut(number as usize) else {
            return;
        };
        // Ids are unique within a room's shard.
        let room = self.posted[number as usize].room;
        if !self.ids.insert(format!("{room} {id}")) {
            self.ids_twice += 1;
        }
        *acknowledged = Some(Acknowledged { room, id, at_ms });
    }

    /// How many are acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.iter().flatten().count() as u64
    }

    /// Those that are, with their numbers.
    pub fn taken(&self) -> impl Iterator<Item = (usize, &Acknowledged)> {
        let all = self.acknowledged.iter().enumerate();
        all.filter_map(|(number, one)| Some((number, one.as_ref()?)))
    }

    /// Whether a viewer has everything that was acknowledged in its room.
    pub fn is_complete(&self, receipts: &Receipts) -> bool {
        self.missing(receipts).next().is_none()
    }

    /// Numbers that were acknowledged in a viewer's room and that it has not.
    fn missing<'a>(&'a self, receipts: &'a Receipts) -> impl Iterator<Item = usize> + 'a {
        self.numbers(receipts.room)
            .filter(|number| !receipts.has(*number))
    }

    fn numbers(&self, room: usize) -> impl Iterator<Item = usize> + '_ {
        (self.posted.iter().zip(&self.acknowledged).enumerate())
            .filter(move |(_, (posted, one))| one.is_some() && posted.room == room)
            .map(|(number, _)| number)
    }

    /// Compares.
    pub fn balance(&self, viewers: &[Receipts]) -> Balance {
        let mut balance = Balance {
            acknowledged: self.acknowledged(),
            ids_twice: self.ids_twice,
            ..Balance::default()
        };
        for receipts in viewers {
            let expected = self.numbers(receipts.room).count() as u64;
            balance.expected += expected;
            balance.received += expected - self.missing(receipts).count() as u64;
            balance.repeated += receipts.repeated;
            balance.reordered += receipts.reordered;
            balance.left_out += receipts.left_out;
            balance.resets += receipts.resets;
        }
        balance.lost = self.lost(viewers).len() as u64;
        balance
    }

    /// Numbers that were acknowledged and that at least one of these viewers lacks, chat that was left out excepted.
    pub fn lost<'a>(&self, viewers: impl IntoIterator<Item = &'a Receipts>) -> HashSet<usize> {
        let mut lost = HashSet::new();
        for receipts in viewers {
            // What was left out is chat, and by number only.
            let mut may_lack = receipts.left_out;
            for number in self.missing(receipts) {
                if self.posted[number].is_chat && may_lack > 0 {
                    may_lack -= 1;
                } else {
                    lost.insert(number);
                }
            }
        }
        lost
    }
}

impl Receipts {
    /// A viewer's of a room.
    pub fn new(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// An entry arrived: from which origin, under which id, and which number it carries, if any.
    pub fn take(&mut self, origin: &str, id: StreamId, number: Option<u32>) {
        match self.last.get_mut(origin) {
            Some(last) if id > *last => *last = id,
            // The same again is a repeat, and counted as one.
            Some(last) if id == *last => {
                self.repeated += u64::from(number.is_none());
            }
            Some(_) => self.reordered += 1,
            None => {
                self.last.insert(origin.to_owned(), id);
            }
        }
        let Some(number) = number else { return };
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        if self.seen[word] & bit != 0 {
            self.repeated += 1;
            return;
        }
        self.seen[word] |= bit;
        self.received += 1;
    }

    /// A node left out so many.
    pub fn leave_out(&mut self, count: u64) {
        self.left_out += count;
    }

    /// A node said that history does not reach back.
    pub fn reset(&mut self) {
        self.resets += 1;
    }

    /// Whether it was ever told so.
    pub fn was_reset(&self) -> bool {
        self.resets > 0
    }

    /// How many messages arrived.
    pub fn received(&self) -> u64 {
        self.received
    }

    fn has(&self, number: usize) -> bool {
        (self.seen.get(number / 64)).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(ms: u64) -> StreamId {
        format!("{ms}-0").parse().unwrap()
    }

    fn message(id: &str) -> MessageId {
        id.parse().unwrap()
    }

    fn gift(ledger: &mut Ledger, room: usize) -> u32 {
        ledger.post(Posted {
            room,
            is_chat: false,
        })
    }

    #[test]
    fn what_was_acknowledged_and_did_not_arrive_is_lost() {
        let mut ledger = Ledger::default();
        let numbers: Vec<u32> = (0..3).map(|_| gift(&mut ledger, 0)).collect();
        ledger.acknowledge(numbers[0], message("east-1-0"), 0);
        ledger.acknowledge(numbers[2], message("east-3-0"), 0);
        let mut one = Receipts::new(0);
        one.take("east", id(1), Some(numbers[0]));
        // Never acknowledged, though it arrived: nothing was promised.
        one.take("east", id(2), Some(numbers[1]));
        let other_room = Receipts::new(1);
        let balance = ledger.balance(&[one.clone(), other_room]);
        assert_eq!(
            (
                balance.acknowledged,
                balance.expected,
                balance.received,
                balance.lost
            ),
            (2, 2, 1, 1)
        );
        assert!(!ledger.is_complete(&one));
        one.take("east", id(3), Some(numbers[2]));
        assert!(ledger.is_complete(&one));
    }

    #[test]
    fn a_loss_counts_once_however_many_lack_it() {
        let mut ledger = Ledger::default();
        let number = gift(&mut ledger, 0);
        ledger.acknowledge(number, message("east-1-0"), 0);
        let balance = ledger.balance(&vec![Receipts::new(0); 5]);
        assert_eq!(
            (balance.lost, balance.expected, balance.received),
            (1, 5, 0)
        );
    }

    #[test]
    fn chat_that_was_left_out_is_not_lost_but_gifts_are() {
        let mut ledger = Ledger::default();
        let chat = ledger.post(Posted {
            room: 0,
            is_chat: true,
        });
        let gift = gift(&mut ledger, 0);
        for number in [chat, gift] {
            ledger.acknowledge(number, message(&format!("east-{number}-0")), 0);
        }
        let mut viewer = Receipts::new(0);
        viewer.leave_out(2);
        assert_eq!(ledger.balance(&[viewer]).lost, 1);
        assert_eq!(ledger.balance(&[Receipts::new(0)]).lost, 2);
    }

    #[test]
    fn repeats_and_disorder_are_told_apart_by_origin() {
        let mut viewer = Receipts::new(0);
        viewer.take("east", id(5), Some(0));
        viewer.take("west", id(1), Some(1));
        viewer.take("west", id(2), Some(2));
        assert_eq!((viewer.repeated, viewer.reordered), (0, 0));
        viewer.take("east", id(4), Some(3));
        assert_eq!((viewer.repeated, viewer.reordered), (0, 1));
        viewer.take("west", id(2), Some(2));
        assert_eq!((viewer.repeated, viewer.reordered), (1, 1));
        viewer.take("west", id(2), None);
        assert_eq!(viewer.repeated, 2);
    }

    #[test]
    fn an_id_that_was_given_twice_is_seen() {
        let mut ledger = Ledger::default();
        let (a, b, c) = (
            gift(&mut ledger, 0),
            gift(&mut ledger, 0),
            gift(&mut ledger, 1),
        );
        ledger.acknowledge(a, message("east-1-0"), 0);
        ledger.acknowledge(c, message("east-1-0"), 0);
        assert_eq!(ledger.balance(&[]).ids_twice, 0);
        ledger.acknowledge(b, message("east-1-0"), 0);
        assert_eq!(ledger.balance(&[]).ids_twice, 1);
    }

    proptest! {
        /// Whoever gets everything once and in order has a clean balance; whoever skips some lacks exactly those.
        #[test]
        fn the_balance_is_exact(skipped in proptest::collection::vec(any::<bool>(), 1..200)) {
            let mut ledger = Ledger::default();
            let mut viewer = Receipts::new(0);
            for (ms, skip) in (1..).zip(&skipped) {
                let number = gift(&mut ledger, 0);
                ledger.acknowledge(number, message(&format!("east-{ms}-0")), 0);
                if !skip {
                    viewer.take("east", id(ms), Some(number));
                }
            }
            let missing = skipped.iter().filter(|skip| **skip).count() as u64;
            let balance = ledger.balance(&[viewer]);
            prop_assert_eq!(balance.lost, missing);
            prop_assert_eq!(balance.received, skipped.len() as u64 - missing);
            prop_assert_eq!((balance.repeated, balance.reordered), (0, 0));
        }
    }
}
