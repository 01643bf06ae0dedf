//! The subscriptions of one connection.

use tidegate_hub::SubRef;

/// In the order in which they came. Up to two, which is what most viewers have (`!all` and a room), need no memory of their
/// own.
#[derive(Debug, Clone, Default)]
pub(super) enum Subs {
    #[default]
    None,
    One([SubRef; 1]),
    Two([SubRef; 2]),
    More(Box<[SubRef]>),
}

impl Subs {
    pub(super) fn as_slice(&self) -> &[SubRef] {
        match self {
            Self::None => &[],
            Self::One(subs) => subs,
            Self::Two(subs) => subs,
            Self::More(subs) => subs,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.as_slice().len()
    }

    pub(super) fn push(&mut self, sub: SubRef) {
        *self = match std::mem::take(self) {
            Self::None => Self::One([sub]),
            Self::One([first]) => Self::Two([first, sub]),
            Self::Two([first, second]) => Self::More(Box::new([first, second, sub])),
            Self::More(subs) => {
                let mut subs = subs.into_vec();
                subs.reserve_exact(1);
                subs.push(sub);
                Self::More(subs.into_boxed_slice())
            }
        };
    }

    /// Strikes one off, if it is among them.
    pub(super) fn remove(&mut self, sub: SubRef) {
        let left: Vec<SubRef> = self
            .as_slice()
            .iter()
            .copied()
            .filter(|known| *known != sub)
            .collect();
        *self = match *left {
            [] => Self::None,
            [first] => Self::One([first]),
            [first, second] => Self::Two([first, second]),
            _ => Self::More(left.into_boxed_slice()),
        };
    }
}

#[cfg(test)]
mod tests {
    use tidegate_hub::{Encoding, Hub, HubLimits, Subscribe, Who};
    use tidegate_stream::{RoomId, ShardCount};

    use super::*;

    #[test]
    fn they_are_kept_in_order_however_many() {
        let mut hub = Hub::new(HubLimits::default());
        let room: RoomId = "room".parse().unwrap();
        let known: Vec<SubRef> = (0..6)
            .map(|viewer| {
                hub.subscribe(Subscribe {
                    viewer,
                    shard: ShardCount::default().of(&room),
                    room: room.clone(),
                    who: Who {
                        subject: None,
                        token: None,
                    },
                    encoding: Encoding::Text,
                    cursor: None,
                    expires_ms: u64::MAX,
                    answered: true,
                })
            })
            .collect();
        let mut subs = Subs::default();
        for (count, &sub) in known.iter().enumerate() {
            assert_eq!(subs.len(), count);
            subs.push(sub);
            assert_eq!(subs.as_slice(), &known[..=count]);
        }
        for (count, &sub) in known.iter().enumerate() {
            subs.remove(sub);
            subs.remove(sub);
            assert_eq!(subs.as_slice(), &known[count + 1..]);
        }
        assert!(matches!(subs, Subs::None));
    }

    #[test]
    fn two_need_no_more_than_a_list_of_none() {
        assert!(size_of::<Subs>() <= 24);
    }
}
