//! Every refusal, and that it leaves nothing behind.

use tidegate_stream::calls::{
    BannedName, CallError, Lasting, Published, Receipt, Refusal, Reply, Verb,
};

use crate::site::{Message, Site, command, message_call, region, subject};

fn refusal(site: &mut Site, message: &Message) -> Refusal {
    let before = site.digest();
    let refused = match site.publish(message) {
        Err(CallError::Refused(refusal)) => refusal,
        other => panic!("{message:?} was to be refused: {other:?}"),
    };
    assert_eq!(
        site.digest(),
        before,
        "a refusal leaves everything as it was"
    );
    refused
}

/// A site that has appended, so that its run is known.
fn site() -> Site {
    let mut site = Site::start();
    site.create("demo", &[]);
    site
}

#[test]
fn a_room_must_be_there_and_open() {
    let mut site = site();
    assert_eq!(
        refusal(&mut site, &Message::chat("other", "hello")),
        Refusal::NoRoom
    );
    assert_eq!(refusal(&mut site, &Message::like("other")), Refusal::NoRoom);
    site.control("demo", Verb::Close).unwrap();
    assert_eq!(
        refusal(&mut site, &Message::chat("demo", "hello")),
        Refusal::Closed
    );
    assert_eq!(
        refusal(&mut site, &Message::gift("demo", "hello")),
        Refusal::Closed
    );
}

#[test]
fn a_ban_refuses_everything_until_it_is_lifted() {
    let mut site = site();
    let bob = BannedName::Subject(subject("bob"));
    let ban = |lasting| Verb::Ban {
        user: &bob,
        lasting,
    };
    site.control("demo", ban(Lasting::Seconds(100))).unwrap();
    for message in [Message::chat("demo", "hello"), Message::like("demo")] {
        let Refusal::Banned { seconds } = refusal(&mut site, &message) else {
            panic!("banned");
        };
        assert!((99..=100).contains(&seconds));
    }
    // A service is not held up, another subject neither.
    site.append(&Message::chat("demo", "hello").service());
    site.append(&Message::chat("demo", "hello").by("carol"));
    site.control("demo", ban(Lasting::UntilLifted)).unwrap();
    assert_eq!(
        refusal(&mut site, &Message::chat("demo", "hello")),
        Refusal::Banned { seconds: 0 }
    );
    site.control("demo", ban(Lasting::Lifted)).unwrap();
    site.append(&Message::chat("demo", "hello"));
}

#[test]
fn a_ban_ends_by_itself() {
    let mut site = Site::with_clock();
    site.create("demo", &[]);
    let bob = BannedName::Subject(subject("bob"));
    let verb = Verb::Ban {
        user: &bob,
        lasting: Lasting::Seconds(60),
    };
    site.control("demo", verb).unwrap();
    assert!(site.publish(&Message::chat("demo", "hello")).is_err());
    site.server.set_clock("+61");
    site.append(&Message::chat("demo", "hello"));
}

#[test]
fn a_mute_refuses_the_chat_lane_only() {
    let mut site = site();
    let bob = BannedName::Subject(subject("bob"));
    let verb = Verb::Mute {
        user: &bob,
        lasting: Lasting::UntilLifted,
    };
    site.control("demo", verb).unwrap();
    for kind in [Published::Chat, Published::Custom] {
        assert_eq!(
            refusal(&mut site, &Message::chat("demo", "hello").kind(kind)),
            Refusal::Muted { seconds: 0 }
        );
    }
    assert_eq!(
        site.publish(&Message::like("demo")),
        Ok(Receipt::Counted { total: 1 })
    );
}

#[test]
fn slow_mode_spaces_out_a_subject() {
    let mut site = Site::with_clock();
    site.create("demo", &[("slow_ms", "30000")]);
    site.append(&Message::chat("demo", "one"));
    site.server.set_clock("+10");
    let Refusal::Slow { seconds } = refusal(&mut site, &Message::chat("demo", "two")) else {
        panic!("slow");
    };
    assert!((19..=20).contains(&seconds), "{seconds}");
    site.append(&Message::chat("demo", "two").by("carol"));
    site.append(&Message::chat("demo", "two").service());
    site.publish(&Message::like("demo")).unwrap();
    site.server.set_clock("+31");
    // A shadowed one counts too, or its sender would know.
    site.append(&Message::chat("demo", "two").shadow());
    assert!(matches!(
        refusal(&mut site, &Message::chat("demo", "three")),
        Refusal::Slow { .. }
    ));
}

#[test]
fn some_things_are_for_services_or_for_who_may_enter() {
    let mut site = site();
    site.create("closed-shop", &[("access", "token")]);
    for kind in [Published::Gift, Published::Control] {
        assert_eq!(
            refusal(&mut site, &Message::chat("demo", "rose").kind(kind)),
            Refusal::NotAllowed
        );
    }
    for name in ["~bob", "!all"] {
        assert_eq!(
            refusal(&mut site, &Message::chat(name, "hello")),
            Refusal::NotAllowed
        );
        assert_eq!(
            refusal(&mut site, &Message::like(name).service()),
            Refusal::NotAllowed
        );
        site.append(&Message::chat(name, "hello").service());
    }
    let mut message = Message::chat("closed-shop", "hello");
    assert_eq!(refusal(&mut site, &message), Refusal::NotAllowed);
    message.flags.may_enter = true;
    site.append(&message);
}

/// The words of a good publish, to be spoiled.
fn good_words(site: &Site) -> Vec<String> {
    let message = Message::chat("demo", "hello").key("k1");
    let region = region("eu");
    message_call(&message, &region)
        .call(&site.keys, &site.bounds)
        .command()
        .into_iter()
        .map(|word| String::from_utf8(word).unwrap())
        .collect()
}

fn answer(site: &mut Site, words: &[String]) -> Vec<String> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    command(&words).query(&mut site.redis).unwrap()
}

#[test]
fn arguments_out_of_bounds_are_named_and_change_nothing() {
    const ARGS: usize = 12;
    let mut site = site();
    let good = good_words(&site);
    let before = site.digest();
    let long = "x".repeat(20_000);
    for (at, bad, why) in [
        (ARGS, "EU", "region"),
        (ARGS, "us", "region"),
        (ARGS + 1, "no room", "room"),
        (ARGS + 1, "", "room"),
        (ARGS + 1, "other", "do not fit"),
        (ARGS + 2, "state", "not published"),
        (ARGS + 2, "shout", "not published"),
        (ARGS + 2, "gift", "do not fit"),
        (ARGS + 3, "", "subject"),
        (ARGS + 3, "~bob", "subject"),
        (ARGS + 4, &long, "too long"),
        (ARGS + 5, &long, "too long"),
        (ARGS + 6, &long[..256], "too long"),
        (ARGS + 7, "abc", "hash"),
        (ARGS + 7, "0123456789ABCDEF0123456789ABCDEF", "hash"),
        (ARGS + 9, "x", "flag"),
        (ARGS + 10, "0", "bound"),
        (ARGS + 11, "-1", "bound"),
        (ARGS + 12, "1e3", "bound"),
        (ARGS + 13, "9999999999999", "bound"),
        (3, "tg:{00}:log:us", "region"),
        (3, "log", "keys"),
        (10, "tg:{01}:run", "keys"),
    ] {
        let mut words = good.clone();
        words[at] = bad.to_owned();
        // A gift is only looked at when it comes from a service.
        if bad == "gift" {
            words[ARGS + 9] = "v".into();
        }
        let said = answer(&mut site, &words);
        assert_eq!(&said[..2], ["refused", "bad_call"], "{at} {bad:?}");
        assert!(said[2].contains(why), "{at} {bad:?}: {said:?}");
        assert_eq!(said[3], "0");
    }
    assert_eq!(site.digest(), before);
    assert_eq!(answer(&mut site, &good).len(), 3);
}

#[test]
fn a_like_with_a_key_is_a_bad_call() {
    let mut site = site();
    let mut words = good_words(&site);
    words[14] = "like".into();
    assert_eq!(answer(&mut site, &words)[1], "bad_call");
}

#[test]
fn every_function_counts_its_keys_and_arguments() {
    let mut site = site();
    let before = site.digest();
    for name in [
        "tg_publish",
        "tg_control",
        "tg_presence",
        "tg_flush",
        "tg_limit",
        "tg_whole",
        "tg_clock",
        "tg_join",
        "tg_read",
    ] {
        for keys in [vec!["0"], vec!["1", "nonsense"], vec!["2", "a", "b", "c"]] {
            if name == "tg_clock" && keys.len() == 2 {
                continue;
            }
            let mut words = vec!["FCALL", name];
            words.extend(keys);
            let said: Vec<String> = command(&words)
                .query(&mut site.redis)
                .unwrap_or_else(|error| panic!("{words:?}: {error}"));
            assert_eq!(&said[..2], ["refused", "bad_call"], "{words:?}");
        }
    }
    assert_eq!(site.digest(), before);
}

#[test]
fn a_bad_call_reaches_the_caller_as_such() {
    let mut site = site();
    let mut call = {
        let message = Message::chat("demo", "hello");
        let region = region("eu");
        message_call(&message, &region).call(&site.keys, &site.bounds)
    };
    call.args.pop();
    let replies = site.call(&call);
    assert_eq!(replies[0], Reply::Bytes(b"refused".to_vec()));
    let message = Message::chat("demo", "hello");
    let region = region("eu");
    assert!(matches!(
        message_call(&message, &region).answer(&replies),
        Err(CallError::BadCall(_))
    ));
}
