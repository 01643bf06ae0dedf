//! A room's own rules: moderators, followers only, gifts only, and how much it keeps.

use tidegate_stream::calls::{
    BannedName, Bounds, CallError, Lasting, Published, Refusal, Right, Verb,
};
use tidegate_stream::{Lane, MessageId};

use crate::site::{Message, Site, assert_room_chain, subject};

fn refused(site: &mut Site, message: &Message) -> Refusal {
    let before = site.digest();
    match site.publish(message) {
        Err(CallError::Refused(refusal)) => {
            assert_eq!(site.digest(), before, "a refusal leaves nothing behind");
            refusal
        }
        other => panic!("{message:?} was to be refused: {other:?}"),
    }
}

fn follower(mut message: Message) -> Message {
    message.flags.follows = true;
    message
}

fn moderator_by_scope(mut message: Message) -> Message {
    message.flags.moderates = true;
    message
}

#[test]
fn chat_of_a_followers_room_is_for_followers_owner_and_moderators() {
    let mut site = Site::start();
    site.create(
        "demo",
        &[("followers_only", "1"), ("moderators", "carol,dan")],
    );
    let chat = || Message::chat("demo", "hi");
    assert_eq!(refused(&mut site, &chat()), Refusal::FollowersOnly);
    let custom = chat().kind(Published::Custom);
    assert_eq!(refused(&mut site, &custom), Refusal::FollowersOnly);
    for message in [
        follower(chat()),
        moderator_by_scope(chat()),
        chat().by("alice"),
        chat().by("carol"),
        chat().by("dan"),
        chat().service(),
        Message::gift("demo", "rose"),
    ] {
        site.append(&message);
    }
    assert!(
        site.publish(&Message::like("demo")).is_ok(),
        "likes are open"
    );
    let off = [("followers_only", "0")];
    site.control("demo", Verb::Change { fields: &off }).unwrap();
    site.append(&chat());
}

#[test]
fn a_room_of_gifts_has_no_chat_of_viewers() {
    let mut site = Site::start();
    site.create("demo", &[("gift_only", "1"), ("slow_ms", "60000")]);
    let chat = Message::chat("demo", "hi");
    assert_eq!(
        refused(&mut site, &follower(chat.clone())),
        Refusal::GiftOnly
    );
    site.append(&Message::gift("demo", "rose"));
    // Whoever is above the rules is above slow mode too; a ban and a mute hold for everybody.
    for _ in 0..2 {
        site.append(&chat.clone().by("alice"));
    }
    let alice = BannedName::Subject(subject("alice"));
    let mute = Verb::Mute {
        user: &alice,
        lasting: Lasting::UntilLifted,
    };
    site.control("demo", mute).unwrap();
    assert_eq!(
        refused(&mut site, &chat.by("alice")),
        Refusal::Muted { seconds: 0 }
    );
}

#[test]
fn moderators_act_on_viewers_and_messages_and_on_nothing_else() {
    let mut site = Site::start();
    site.create("demo", &[("moderators", "carol,dan")]);
    let message = MessageId {
        origin: site.region.clone(),
        id: site.append(&Message::chat("demo", "rude")).id.id,
    };
    let names: Vec<_> = ["bob", "alice", "dan"]
        .map(|name| BannedName::Subject(subject(name)))
        .into();
    let users: Vec<_> = ["bob", "alice", "dan"].map(subject).into();
    let lasting = Lasting::Seconds(60);
    let on = |i: usize| {
        [
            Verb::Ban {
                user: &names[i],
                lasting,
            },
            Verb::Mute {
                user: &names[i],
                lasting,
            },
            Verb::Kick { user: &users[i] },
        ]
    };
    for verb in on(0).into_iter().chain([Verb::Hide { message: &message }]) {
        for by in ["carol", "dan", "alice"] {
            site.control_by("demo", verb, Some(by), Right::Moderator)
                .unwrap();
        }
        for (by, right) in [("bob", Right::Moderator), ("carol", Right::Owner)] {
            let answer = site.control_by("demo", verb, Some(by), right);
            assert_eq!(
                answer,
                Err(CallError::Refused(Refusal::NotOwner)),
                "{verb:?}"
            );
        }
    }
    let fields = [("title", "mine")];
    let forbidden = on(1)
        .into_iter()
        .chain(on(2))
        .chain([Verb::Close, Verb::Change { fields: &fields }]);
    for verb in forbidden {
        let before = site.digest();
        let answer = site.control_by("demo", verb, Some("carol"), Right::Moderator);
        assert_eq!(
            answer,
            Err(CallError::Refused(Refusal::NotOwner)),
            "{verb:?}"
        );
        assert_eq!(site.digest(), before);
    }
    site.control_by("demo", on(2)[0], Some("alice"), Right::Moderator)
        .unwrap();
    let nobody = [("moderators", "")];
    site.control("demo", Verb::Change { fields: &nobody })
        .unwrap();
    let answer = site.control_by("demo", on(0)[2], Some("carol"), Right::Moderator);
    assert_eq!(answer, Err(CallError::Refused(Refusal::NotOwner)));
    let own = site.control_by("~bob", on(0)[2], Some("bob"), Right::Moderator);
    assert_eq!(own, Err(CallError::Refused(Refusal::NotOwner)));
}

#[test]
fn a_room_keeps_exactly_as_much_as_it_says_and_never_more_than_its_region() {
    let mut site = Site::start();
    site.bounds = Bounds::new(50, 50, 100_000, 900_000).unwrap();
    site.create("few", &[("history_chat", "10"), ("history_keep", "12")]);
    site.create("many", &[("history_chat", "100000")]);
    for i in 0..300 {
        for name in ["few", "many"] {
            site.append(&Message::chat(name, &i.to_string()));
            site.append(&Message::gift(name, &i.to_string()));
        }
    }
    for (lane, kept) in [(Lane::Chat, 10), (Lane::Gift, 12)] {
        let stream = site.lane("few", lane);
        assert_room_chain(&stream);
        assert_eq!(stream.len(), kept);
        // The region trims by whole blocks, of a hundred entries.
        assert!((50..=150).contains(&site.lane("many", lane).len()));
    }
    let joined = site.join("few", "bob").unwrap().room.unwrap();
    assert_eq!((joined.history_chat, joined.history_keep), (10, 12));
    let bob = subject("bob");
    for _ in 0..20 {
        site.control("few", Verb::Kick { user: &bob }).unwrap();
    }
    assert_eq!(site.lane("few", Lane::Control).len(), 12);
}

#[test]
fn rules_that_are_none_are_refused() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let many = vec!["x"; 17].join(",");
    let before = site.digest();
    for (name, value) in [
        ("followers_only", "yes"),
        ("gift_only", ""),
        ("chat_budget", "-1"),
        ("history_chat", "100001"),
        ("history_keep", "ten"),
        ("moderators", "a,,b"),
        ("moderators", ","),
        ("moderators", "a,"),
        ("moderators", "a b"),
        ("moderators", &many),
    ] {
        let fields = [(name, value)];
        let answer = site.control("demo", Verb::Change { fields: &fields });
        assert!(
            matches!(answer, Err(CallError::BadCall(_))),
            "{name} {value}"
        );
    }
    assert_eq!(site.digest(), before);
    let most: Vec<String> = (0..16).map(|i| format!("{i:062}x")).collect();
    let most = most.join(",");
    for value in ["", "a", &most] {
        let fields = [("moderators", value)];
        site.control("demo", Verb::Change { fields: &fields })
            .unwrap();
    }
    let joined = site.join("demo", "bob").unwrap().room.unwrap();
    assert_eq!(joined.moderators.len(), 16);
}
