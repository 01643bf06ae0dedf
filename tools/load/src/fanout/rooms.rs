//! Which viewer is in which room, and which room a message goes to.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::limits;

/// How viewers are spread over rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spread {
    /// All in one.
    One,
    /// So many rooms of the same size.
    Many(u32),
    /// So many rooms, the n-th with a share in proportion to 1/n.
    Zipf(u32),
}

impl FromStr for Spread {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`one`, `many:K` or `zipf:K` is meant, with K from 1 to {}",
                limits::ROOMS
            )
        };
        if text == "one" {
            return Ok(Self::One);
        }
        let (kind, count) = text.split_once(':').ok_or_else(wrong)?;
        let count: u32 = count.parse().map_err(|_| wrong())?;
        match kind {
            _ if !(1..=limits::ROOMS).contains(&count) => Err(wrong()),
            "many" => Ok(Self::Many(count)),
            "zipf" => Ok(Self::Zipf(count)),
            _ => Err(wrong()),
        }
    }
}

impl Spread {
    /// How many rooms.
    pub fn rooms(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Many(count) | Self::Zipf(count) => count,
        }
    }

    /// Each room's viewers: at least one, together `viewers`, which are as many as rooms at least.
    fn sizes(self, viewers: u32) -> Vec<u32> {
        let count = self.rooms();
        let weight = |room: u32| match self {
            Self::One | Self::Many(_) => 1.0,
            Self::Zipf(_) => 1.0 / f64::from(room + 1),
        };
        let sum: f64 = (0..count).map(weight).sum();
        let over = f64::from(viewers - count);
        let mut sizes: Vec<u32> = (0..count)
            .map(|room| 1 + share(over * weight(room) / sum))
            .collect();
        let mut rest = viewers - sizes.iter().sum::<u32>();
        // Rounding down leaves less than one viewer a room.
        for size in &mut sizes {
            let more = rest.min(1);
            *size += more;
            rest -= more;
        }
        sizes
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of viewers is neither negative nor above their number"
)]
fn share(viewers: f64) -> u32 {
    viewers as u32
}

/// The rooms of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rooms {
    /// The first place after each room.
    ends: Vec<u32>,
    viewers: u32,
    step: u64,
}

impl Rooms {
    /// Rooms for so many viewers, of which there are as many as rooms at least.
    pub fn new(spread: Spread, viewers: u32) -> Self {
        let mut end = 0;
        let ends = spread.sizes(viewers).into_iter().map(|size| {
            end += size;
            end
        });
        let ends = ends.collect();
        // Viewers of one room should not come one after the other: nobody's do. About the golden section of all, and
        // without a common divisor, so that each place is taken once.
        let mut step = (u64::from(viewers) * 618 / 1_000).max(1);
        while divisor(step, u64::from(viewers)) != 1 {
            step += 1;
        }
        Self {
            ends,
            viewers,
            step,
        }
    }

    /// How many rooms.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// A room's viewers.
    pub fn size(&self, room: usize) -> u32 {
        let begin = room.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.ends[room] - begin
    }

    /// The room of a viewer. Of a message, too: so a room has messages in proportion to its viewers.
    pub fn of(&self, viewer: u64) -> usize {
        let viewers = u64::from(self.viewers);
        let place = viewer % viewers * self.step % viewers;
        self.ends.partition_point(|end| u64::from(*end) <= place)
    }
}

fn divisor(one: u64, other: u64) -> u64 {
    if other == 0 {
        one
    } else {
        divisor(other, one % other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spreads_are_read() {
        assert_eq!("one".parse(), Ok(Spread::One));
        assert_eq!("many:50".parse(), Ok(Spread::Many(50)));
        assert_eq!("zipf:10000".parse(), Ok(Spread::Zipf(10_000)));
        for wrong in [
            "",
            "many",
            "many:",
            "many:0",
            "zipf:10001",
            "zipf:-1",
            "few:3",
        ] {
            assert!(
                wrong.parse::<Spread>().unwrap_err().contains("many:K"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn zipf_falls_as_one_by_n() {
        let rooms = Rooms::new(Spread::Zipf(100), 10_000);
        // The hundredth harmonic number is 5.187.
        let first = rooms.size(0);
        assert!((1_880..=1_930).contains(&first), "{first}");
        let tenth = rooms.size(9);
        assert!((185..=200).contains(&tenth), "{tenth}");
    }

    proptest! {
        #[test]
        fn every_viewer_has_one_room_and_rooms_their_sizes(
            kind in 0..3, count in 1..50_u32, over in 0..2_000_u32
        ) {
            let spread = match kind { 0 => Spread::One, 1 => Spread::Many(count), _ => Spread::Zipf(count) };
            let viewers = spread.rooms() + over;
            let rooms = Rooms::new(spread, viewers);
            let mut found = vec![0; rooms.len()];
            for viewer in 0..viewers {
                found[rooms.of(u64::from(viewer))] += 1;
            }
            let sizes: Vec<u32> = (0..rooms.len()).map(|room| rooms.size(room)).collect();
            prop_assert_eq!(&found, &sizes);
            prop_assert!(sizes.iter().all(|size| *size > 0));
            if kind == 1 {
                prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
            }
        }
    }
}
