//! Letting viewers in: many are looked up in one round trip.

use std::collections::BTreeMap;

use redis::Value;
use tidegate_hub::{Tally, Who};
use tidegate_protocol::frames::ErrorCode;
use tidegate_stream::calls::{CallError, Join, Refusal, Remedy, RoomState};
use tidegate_stream::{Keys, Region, RoomId, Subject};

use super::connection::{Link, LinkError, flatten, strings, words};
use super::lookup::until_ms;

/// Somebody who asks to be let in.
#[derive(Debug)]
pub struct Asking {
    /// Into which room.
    pub room: RoomId,
    /// In whose name.
    pub who: Who,
    /// The room's counters are not known yet.
    pub tally: bool,
}

/// What is found for whoever is let in.
#[derive(Debug, Clone)]
pub struct Found {
    /// The room's chat budget, if it has one of its own.
    pub chat_budget: Option<u64>,
    /// The room's counters, if they were asked for.
    pub tally: Option<Tally>,
}

/// Why somebody is not let in.
#[derive(Debug, Clone)]
pub enum Refused {
    /// By what Redis says.
    Said(ErrorCode),
    /// Redis did not say.
    Failed(String),
}

/// One room of a look-up, and who asks for it by their number.
struct Group<'a> {
    room: &'a RoomId,
    asking: Vec<usize>,
    tally: bool,
}

/// Looks at rooms and bans, and at a room's counters where they are asked for. One answer for each who asks, in their order.
///
/// A room is read once, however many ask for it; bans are read for each, after they asked. What one room's keys hold is no
/// matter for the others.
pub async fn look_up(
    link: &Link,
    keys: &Keys,
    region: &Region,
    origins: &[Region],
    asking: &[&Asking],
) -> Vec<Result<Found, Refused>> {
    let mut groups: BTreeMap<&RoomId, Group<'_>> = BTreeMap::new();
    for (number, one) in asking.iter().enumerate() {
        let group = groups.entry(&one.room).or_insert_with(|| Group {
            room: &one.room,
            asking: Vec::new(),
            tally: false,
        });
        group.asking.push(number);
        group.tally |= one.tally;
    }
    let groups: Vec<Group<'_>> = groups.into_values().collect();
    let look = Look {
        link,
        keys,
        region,
        origins,
        asking,
    };
    let mut looked = vec![Err(Refused::Failed(String::new())); asking.len()];
    match look.at(&groups, &mut looked).await {
        // One key that is not what it should be fails all that was sent with it.
        Err(LinkError::Fault(_, fault))
            if fault.remedy() == Remedy::ForGood && groups.len() > 1 =>
        {
            for group in &groups {
                let one = std::slice::from_ref(group);
                if let Err(error) = look.at(one, &mut looked).await {
                    fail(one, &mut looked, &error);
                }
            }
        }
        Err(error) => fail(&groups, &mut looked, &error),
        Ok(()) => {}
    }
    looked
}

fn fail(groups: &[Group<'_>], looked: &mut [Result<Found, Refused>], error: &LinkError) {
    for &number in groups.iter().flat_map(|group| &group.asking) {
        looked[number] = Err(Refused::Failed(error.to_string()));
    }
}

struct Look<'a> {
    link: &'a Link,
    keys: &'a Keys,
    region: &'a Region,
    origins: &'a [Region],
    asking: &'a [&'a Asking],
}

impl Look<'_> {
    /// One round trip.
    async fn at(
        &self,
        groups: &[Group<'_>],
        looked: &mut [Result<Found, Refused>],
    ) -> Result<(), LinkError> {
        let mut commands = Vec::new();
        for group in groups {
            commands.push(self.room(group.room).call(self.keys).command());
            let users = group.asking.iter().map(|&number| self.subject(number));
            commands.push(bans(self.keys, group.room, users));
            if group.tally {
                commands.push(words(["HGETALL", &self.keys.online(group.room)]));
                let likes = |origin| words(["GET", &self.keys.likes(group.room, origin)]);
                commands.extend(self.origins.iter().map(likes));
            }
        }
        let numbers = || groups.iter().flat_map(|group| group.asking.iter().copied());
        // Revocation: two names for each, the subject's and the token's.
        let names = numbers().flat_map(|number| [self.subject(number), self.token(number)]);
        commands.push(bans(self.keys, &RoomId::all(), names));
        let mut answers = self.link.pipeline(&commands).await?;
        let revoked = flatten(answers.pop().unwrap_or_default());
        let mut revoked = revoked.chunks_exact(2);
        let mut answers = answers.into_iter();
        for group in groups {
            let room = self.room(group.room);
            let joined = room.answer(&answers.next().map(flatten).unwrap_or_default());
            let banned = answers.next().map(flatten).unwrap_or_default();
            let tally = group.tally.then(|| tally(self.origins, &mut answers));
            let (room, now_ms) = match joined {
                Ok(joined) => (joined.room, joined.now_ms),
                Err(CallError::Refused(Refusal::NoRoom)) => {
                    for &number in &group.asking {
                        revoked.next();
                        looked[number] = Err(Refused::Said(ErrorCode::NoRoom));
                    }
                    continue;
                }
                Err(error) => {
                    revoked.by_ref().take(group.asking.len()).for_each(drop);
                    fail(std::slice::from_ref(group), looked, &error.into());
                    continue;
                }
            };
            let state = room.as_ref().map_or(RoomState::Open, |fields| fields.state);
            let chat_budget = room.and_then(|fields| fields.chat_budget);
            for (at, &number) in group.asking.iter().enumerate() {
                let here = banned.get(at).map(until_ms);
                let everywhere = revoked.next().map(|both| both.iter().map(until_ms).max());
                looked[number] = match (here, everywhere.flatten()) {
                    _ if state == RoomState::Closed => Err(Refused::Said(ErrorCode::RoomClosed)),
                    (Some(here), Some(everywhere)) if here.max(everywhere) <= now_ms => Ok(Found {
                        chat_budget,
                        tally: tally.clone().filter(|_| self.asking[number].tally),
                    }),
                    (Some(_), Some(_)) => Err(Refused::Said(ErrorCode::Banned)),
                    _ => Err(Refused::Failed("an answer about bans is short".to_owned())),
                };
            }
        }
        Ok(())
    }

    fn room<'a>(&'a self, room: &'a RoomId) -> Join<'a> {
        Join {
            region: self.region,
            room,
            subject: None,
            token: None,
        }
    }

    fn subject(&self, number: usize) -> &str {
        let subject = self.asking[number].who.subject.as_ref();
        subject.map_or("", Subject::as_str)
    }

    fn token(&self, number: usize) -> &str {
        self.asking[number].who.token.as_deref().unwrap_or_default()
    }
}

/// The bans of these in a room. Nobody has the empty name, which stands for who has none.
fn bans<'a>(keys: &Keys, room: &RoomId, users: impl Iterator<Item = &'a str>) -> Vec<Vec<u8>> {
    let mut command = words(["HMGET", &keys.bans(room)]);
    command.extend(users.map(|user| user.as_bytes().to_vec()));
    command
}

/// A room's counters.
fn tally(origins: &[Region], answers: &mut impl Iterator<Item = Value>) -> Tally {
    let mut tally = Tally::default();
    let online = answers.next().map(strings).unwrap_or_default();
    for pair in online.chunks_exact(2) {
        let (Ok(node), Ok(value)) = (std::str::from_utf8(&pair[0]), std::str::from_utf8(&pair[1]))
        else {
            continue;
        };
        let number = value.split_once(' ');
        if let Some((Ok(viewers), Ok(until_ms))) = number.map(|(a, b)| (a.parse(), b.parse())) {
            tally.online(node.to_owned(), viewers, until_ms);
        }
    }
    for (origin, answer) in origins.iter().zip(answers) {
        let total = strings(answer)
            .first()
            .and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        if let Some(total) = total {
            tally.likes(origin, total);
        }
    }
    tally
}
