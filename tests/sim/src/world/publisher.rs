//! Publishers: each thing is said once, with a key, and tried again until it is answered.

use tidegate_stream::calls::{
    Appended, BannedName, CallError, Control, Lasting, Publish, PublishFlags, Published, Receipt,
    Refusal, Right, Verb,
};
use tidegate_stream::{RoomId, Subject};

use super::site::NoAnswer;
use super::{NAMES, World};

/// Tries of one message in its region, before it is tried in another.
const TRIES_HERE: u32 = 4;
/// Tries in all.
const TRIES: u32 = 12;
const RETRY_MS: u64 = 250;

pub(super) struct Publisher {
    site: usize,
    subject: Subject,
    said: u64,
}

/// One thing to be said.
#[derive(Debug, Clone)]
struct Saying {
    publisher: usize,
    room: RoomId,
    kind: Published,
    data: String,
    key: String,
    tries: u32,
}

impl World {
    pub(super) fn create_rooms(&mut self) {
        for room in self.rooms.clone() {
            // In one region; the others have it when the relay has told them.
            let site = self.chance.usize(..self.sites.len());
            self.create_room(site, room);
        }
    }

    fn create_room(&mut self, site: usize, room: RoomId) {
        let owner: Subject = "owner".parse().expect("that is a name");
        let region = self.sites[site].name.clone();
        let control = Control {
            region: &region,
            room: &room,
            verb: Verb::Create {
                owner: &owner,
                fields: &[],
            },
            by: None,
            right: Right::Scope,
            trace: "",
        };
        let call = control.call(&self.keys, &self.plan.bounds);
        let answer = self.call_at(site, &call);
        let answer = answer.map(|replies| control.answer(&replies));
        match answer {
            // What a world stands on is on disk.
            Ok(Ok(_)) => self.sites[site].store.save(),
            Ok(Err(CallError::Refused(Refusal::Exists))) => {}
            Ok(Err(CallError::Refused(Refusal::Recovering { .. }))) | Err(_) => {
                self.after(1_000, move |world| world.create_room(site, room));
            }
            other => self.violated(format!("{room} cannot be created: {other:?}")),
        }
    }

    pub(super) fn add_publisher(&mut self, index: usize) {
        let site = index % self.sites.len();
        let subject = format!("publisher-{index}");
        self.publishers.push(Publisher {
            site,
            subject: subject.parse().expect("that is a name"),
            said: 0,
        });
        let begin_ms = self.chance.u64(..500);
        self.after(begin_ms, move |world| world.say_something(index));
    }

    fn say_something(&mut self, index: usize) {
        if self.calm {
            return;
        }
        let most_ms = self.plan.pause_ms;
        let pause_ms = self.chance.u64(1..=most_ms);
        self.after(pause_ms, move |world| world.say_something(index));
        let room = self.rooms[self.chance.usize(..self.rooms.len())].clone();
        let kind = match self.chance.u32(..20) {
            0..9 => Published::Chat,
            9..11 => Published::Custom,
            11..15 => Published::Gift,
            15..17 => Published::Like,
            _ => return self.moderate(index, room),
        };
        let publisher = &mut self.publishers[index];
        publisher.said += 1;
        let said = publisher.said;
        let key = if self.chance.u32(..5) == 0 {
            String::new()
        } else {
            format!("key-{said}")
        };
        let saying = Saying {
            publisher: index,
            room,
            kind,
            data: format!("{{\"said\":\"{index}/{said}\"}}"),
            key,
            tries: 0,
        };
        let twice = self.plan.twice_of_1000;
        if !saying.key.is_empty() && self.happens(twice) {
            self.say(saying.clone());
        }
        self.say(saying);
    }

    fn say(&mut self, mut saying: Saying) {
        let own = self.publishers[saying.publisher].site;
        let site = if saying.tries < TRIES_HERE {
            own
        } else {
            (own + 1) % self.sites.len()
        };
        saying.tries += 1;
        let sent = saying.clone();
        self.visit(
            own,
            site,
            move |world| world.publish_at(site, &sent),
            move |world, answer| {
                let answer = answer.unwrap_or(Err(NoAnswer::Away));
                world.said(site, saying, answer);
            },
        );
    }

    fn publish_at(
        &mut self,
        site: usize,
        saying: &Saying,
    ) -> Result<Result<Receipt, CallError>, NoAnswer> {
        let region = self.sites[site].name.clone();
        let subject = self.publishers[saying.publisher].subject.clone();
        let publish = Publish {
            key: &saying.key,
            flags: PublishFlags {
                service: saying.kind == Published::Gift,
                ..PublishFlags::default()
            },
            ..Publish::plain(&region, &saying.room, saying.kind, &subject, &saying.data)
        };
        let call = publish.call(&self.keys, &self.plan.bounds);
        let replies = self.call_at(site, &call)?;
        Ok(publish.answer(&replies))
    }

    fn said(
        &mut self,
        site: usize,
        saying: Saying,
        answer: Result<Result<Receipt, CallError>, NoAnswer>,
    ) {
        match answer {
            Ok(Ok(Receipt::Appended(appended))) => self.acknowledged(site, &saying, &appended),
            Ok(Ok(Receipt::Counted { .. })) => {}
            Ok(Err(CallError::Refused(
                Refusal::Muted { .. } | Refusal::Banned { .. } | Refusal::Closed,
            ))) => {}
            Ok(Err(CallError::Refused(Refusal::Recovering { .. } | Refusal::NoRoom))) | Err(_) => {
                // What has no key is said once, and perhaps not at all.
                if !saying.key.is_empty() && saying.tries < TRIES {
                    self.after(RETRY_MS, move |world| world.say(saying));
                }
            }
            Ok(Err(error)) => self.violated(format!("{saying:?} in {}: {error}", NAMES[site])),
        }
    }

    fn acknowledged(&mut self, site: usize, saying: &Saying, appended: &Appended) {
        self.note(format_args!(
            "{} is acknowledged as {}",
            saying.data, appended.id
        ));
        self.tally.acknowledged += 1;
        let result = self
            .ledger
            .acknowledged(site, &appended.id, &saying.data, saying.tries);
        self.must(result);
    }

    /// Bans, lifts bans, mutes, and renames the room.
    fn moderate(&mut self, index: usize, room: RoomId) {
        let site = self.publishers[index].site;
        let whom = self.chance.usize(..4);
        let user: Subject = format!("troll-{whom}").parse().expect("that is a name");
        let user = BannedName::Subject(user);
        let lasting = match self.chance.u32(..3) {
            0 => Lasting::Seconds(3_600),
            1 => Lasting::UntilLifted,
            _ => Lasting::Lifted,
        };
        let what = self.chance.u32(..4);
        let title = format!("title {}", self.chance.u32(..1_000));
        self.visit(
            site,
            site,
            move |world| {
                let region = world.sites[site].name.clone();
                let fields = [("title", title.as_str())];
                let verb = match what {
                    0 | 1 => Verb::Ban {
                        user: &user,
                        lasting,
                    },
                    2 => Verb::Mute {
                        user: &user,
                        lasting,
                    },
                    _ => Verb::Change { fields: &fields },
                };
                let control = Control {
                    region: &region,
                    room: &room,
                    verb,
                    by: None,
                    right: Right::Scope,
                    trace: "",
                };
                let call = control.call(&world.keys, &world.plan.bounds);
                let replies = world.call_at(site, &call)?;
                Ok::<_, NoAnswer>(control.answer(&replies))
            },
            move |world, answer| match answer {
                Some(Ok(Ok(appended))) => {
                    world.tally.acknowledged += 1;
                    world.note(format_args!("an order is acknowledged as {}", appended.id));
                    let result = world.ledger.acknowledged(site, &appended.id, "", 1);
                    world.must(result);
                }
                Some(Ok(Err(CallError::Refused(_)))) | Some(Err(_)) | None => {}
                Some(Ok(Err(error))) => world.violated(format!("an order: {error}")),
            },
        );
    }
}
