//! What one viewer of a crowd got, held against what was published: without keeping what it was.

use serde::Serialize;

use super::mark::{Class, Mark};

/// Numbers of a lane that must not lose which a viewer is known to lack; beyond that they are only counted.
const MOST_KNOWN: usize = 1_000;

/// Numbers published in one room, by class.
pub type Published = [u32; 3];

/// One viewer's, of one room.
#[derive(Debug, Clone)]
pub struct Account {
    lines: [Line; 3],
    last_place: u32,
    seen: Seen,
}

/// One class.
#[derive(Debug, Clone, Default)]
struct Line {
    /// The lowest number that must still come.
    next: u32,
    /// A message has come: from then on numbers follow each other.
    begun: bool,
    missing: Vec<u32>,
}

/// How deliveries compare with what was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Seen {
    /// Messages that came.
    pub delivered: u64,
    /// Gifts and control messages that did not come.
    pub lost: u64,
    /// Messages that came twice; chat that came after a later one too.
    pub repeated: u64,
    /// Messages that came after a later one.
    pub reordered: u64,
    /// Chat that did not come.
    pub chat_missing: u64,
    /// Chat that frames said was left out.
    pub left_out: u64,
    /// Chat that did not come and that no frame owned up to.
    pub chat_lost: u64,
    /// Times that a viewer lost its place in history, or was not told how much chat was left out.
    pub resets: u64,
}

impl Seen {
    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.reordered += other.reordered;
        self.chat_missing += other.chat_missing;
        self.left_out += other.left_out;
        self.chat_lost += other.chat_lost;
        self.resets += other.resets;
    }
}

impl Account {
    /// Of a viewer who has just been subscribed. Whatever is published after `published` must come; something from before may,
    /// since that was looked at later than the node did.
    pub fn new(published: Published) -> Self {
        Self {
            lines: published.map(|last| Line {
                next: last + 1,
                ..Line::default()
            }),
            last_place: 0,
            seen: Seen::default(),
        }
    }

    /// A message came.
    pub fn take(&mut self, mark: &Mark) {
        self.seen.delivered += 1;
        let line = &mut self.lines[mark.class as usize];
        if !line.begun {
            line.begun = true;
            line.next = line.next.min(mark.number);
        }
        if mark.number < line.next {
            match line.missing.iter().position(|one| *one == mark.number) {
                Some(at) => {
                    line.missing.swap_remove(at);
                    self.seen.lost -= 1;
                    self.seen.reordered += 1;
                }
                None => self.seen.repeated += 1,
            }
            return;
        }
        let gap = u64::from(mark.number - line.next);
        if mark.class == Class::Chat {
            self.seen.chat_missing += gap;
        } else {
            self.seen.lost += gap;
            let room = MOST_KNOWN.saturating_sub(line.missing.len());
            (line.missing).extend((line.next..mark.number).take(room));
        }
        line.next = mark.number + 1;
        // Of different classes in one room, too, the later one comes later.
        if mark.place <= self.last_place {
            self.seen.reordered += 1;
        }
        self.last_place = self.last_place.max(mark.place);
    }

    /// A frame said that so much chat was left out; none: that it does not know.
    pub fn leave_out(&mut self, count: Option<u64>) {
        match count {
            Some(count) => self.seen.left_out += count,
            None => self.seen.resets += 1,
        }
    }

    /// A frame said that history does not reach back: what comes next begins anew.
    pub fn reset(&mut self, published: Published) {
        let mut seen = self.seen;
        seen.resets += 1;
        *self = Self::new(published);
        self.seen = seen;
    }

    /// Whether the last control message has come, and with it, in order, all before it.
    pub fn is_complete(&self, published: &Published) -> bool {
        let class = Class::Control as usize;
        self.lines[class].next > published[class]
    }

    /// As far as it is known while messages are under way: of a viewer who leaves.
    pub fn so_far(&self) -> Seen {
        Seen {
            // What is said to be left out is said in the frame that lacks it, so never later.
            chat_lost: self.seen.chat_missing.saturating_sub(self.seen.left_out),
            ..self.seen
        }
    }

    /// In the end, when everything should have come.
    pub fn finish(mut self, published: &Published) -> Seen {
        for class in Class::ALL {
            let next = self.lines[class as usize].next;
            let lacks = u64::from((published[class as usize] + 1).saturating_sub(next));
            match class {
                Class::Chat => self.seen.chat_missing += lacks,
                Class::Gift | Class::Control => self.seen.lost += lacks,
            }
        }
        self.so_far()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark(class: Class, number: u32, place: u32) -> Mark {
        Mark {
            class,
            number,
            place,
            sent_us: 0,
        }
    }

    #[test]
    fn a_lost_gift_is_found_in_the_middle_and_at_the_end() {
        let mut viewer = Account::new([0; 3]);
        viewer.take(&mark(Class::Gift, 1, 1));
        viewer.take(&mark(Class::Gift, 3, 3));
        viewer.take(&mark(Class::Control, 1, 4));
        assert_eq!(viewer.so_far().lost, 1);
        assert!(viewer.is_complete(&[0, 5, 1]) && !viewer.is_complete(&[0, 5, 2]));
        assert_eq!(viewer.clone().finish(&[0, 3, 1]).lost, 1);
        assert_eq!(viewer.finish(&[0, 5, 2]).lost, 1 + 2 + 1);
    }

    #[test]
    fn who_never_got_anything_lost_all_since_it_came() {
        let seen = Account::new([7, 7, 7]).finish(&[9, 8, 7]);
        assert_eq!((seen.lost, seen.chat_lost), (1, 2));
    }

    #[test]
    fn the_first_message_may_be_from_before_but_not_from_after() {
        let mut early = Account::new([0, 5, 0]);
        for number in 4..=6 {
            early.take(&mark(Class::Gift, number, number));
        }
        assert_eq!(
            early.finish(&[0, 6, 0]),
            Seen {
                delivered: 3,
                ..Seen::default()
            }
        );
        let mut late = Account::new([0, 5, 0]);
        late.take(&mark(Class::Gift, 7, 7));
        assert_eq!(late.finish(&[0, 7, 0]).lost, 1);
    }

    #[test]
    fn repeats_and_disorder_are_told_apart() {
        let mut viewer = Account::new([0; 3]);
        for number in [1, 3, 2, 3] {
            viewer.take(&mark(Class::Control, number, number));
        }
        let seen = viewer.so_far();
        assert_eq!((seen.lost, seen.reordered, seen.repeated), (0, 1, 1));
        // Each class in order, and yet not the room.
        let mut viewer = Account::new([0; 3]);
        viewer.take(&mark(Class::Gift, 1, 2));
        viewer.take(&mark(Class::Chat, 1, 1));
        assert_eq!(viewer.so_far().reordered, 1);
    }

    #[test]
    fn chat_that_was_left_out_and_said_so_is_not_lost() {
        let mut viewer = Account::new([0; 3]);
        viewer.take(&mark(Class::Chat, 1, 1));
        viewer.leave_out(Some(3));
        viewer.take(&mark(Class::Chat, 5, 5));
        assert_eq!(viewer.so_far().chat_lost, 0);
        viewer.take(&mark(Class::Chat, 8, 8));
        let seen = viewer.so_far();
        assert_eq!(
            (seen.chat_missing, seen.left_out, seen.chat_lost),
            (5, 3, 2)
        );
    }

    #[test]
    fn a_reset_and_an_unknown_count_are_told() {
        let mut viewer = Account::new([0; 3]);
        viewer.take(&mark(Class::Gift, 1, 1));
        viewer.leave_out(None);
        viewer.reset([0, 9, 0]);
        viewer.take(&mark(Class::Gift, 10, 10));
        let seen = viewer.finish(&[0, 10, 0]);
        assert_eq!((seen.resets, seen.lost, seen.delivered), (2, 0, 2));
    }

    proptest! {
        /// Whoever skips some lacks exactly those, wherever they are.
        #[test]
        fn losses_are_exact(skipped in proptest::collection::vec((0usize..3, any::<bool>()), 1..200)) {
            let mut published = [0; 3];
            let (mut viewer, mut lost, mut chat) = (Account::new(published), 0, 0);
            for (place, (class, skip)) in (1..).zip(skipped) {
                published[class] += 1;
                let class = Class::ALL[class];
                match (skip, class) {
                    (false, _) => viewer.take(&mark(class, published[class as usize], place)),
                    (true, Class::Chat) => chat += 1,
                    (true, _) => lost += 1,
                }
            }
            let seen = viewer.finish(&published);
            prop_assert_eq!((seen.lost, seen.chat_missing, seen.chat_lost), (lost, chat, chat));
            prop_assert_eq!((seen.repeated, seen.reordered), (0, 0));
        }
    }
}
