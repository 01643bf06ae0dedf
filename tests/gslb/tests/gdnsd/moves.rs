use std::fs;
use std::net::IpAddr;

use gslb_tests::{Gdnsd, Tier, free_port, soon};
use tidegate_gslb::Description;
use tidegate_gslb::drain::{Wish, edit};

use super::description;

const EAST: [[u8; 4]; 2] = [[127, 0, 1, 11], [127, 0, 1, 12]];
const WEST: [[u8; 4]; 3] = [[127, 0, 2, 11], [127, 0, 2, 12], [127, 0, 2, 13]];

/// Both regions' servers, by address, and a gdnsd that checks them.
struct Bench {
    east_api: Tier,
    east_live: Vec<Tier>,
    west_api: Tier,
    _west_live: Vec<Tier>,
    gdnsd: Gdnsd,
    text: String,
}

fn ips(addresses: &[[u8; 4]]) -> Vec<IpAddr> {
    addresses.iter().map(|address| (*address).into()).collect()
}

fn region(name: &str) -> usize {
    usize::from(name == "west") + 1
}

impl Bench {
    fn start(policy: &str, more: impl Fn(String) -> String) -> Self {
        let apis = ips(&[[127, 0, 1, 1], [127, 0, 2, 1]]);
        let lives = [ips(&EAST), ips(&WEST)].concat();
        let (api, live) = (free_port(&apis), free_port(&lives));
        let start = |addresses: &[[u8; 4]]| -> Vec<Tier> {
            let all = ips(addresses);
            all.iter().map(|one| Tier::start(*one, live)).collect()
        };
        let (east_api, west_api) = (Tier::start(apis[0], api), Tier::start(apis[1], api));
        let (east_live, west_live) = (start(&EAST), start(&WEST));
        let text = more(description(policy, api, live));
        Self {
            east_api,
            east_live,
            west_api,
            _west_live: west_live,
            gdnsd: Gdnsd::start(&text),
            text,
        }
    }

    /// Waits until a name leads to a region, and only there.
    fn leads_to(&self, name: &str, wanted: &str) {
        let prefix = format!("127.0.{}.", region(wanted));
        soon(&format!("{name} leads to {wanted}"), || {
            let answer = self.gdnsd.ask(name);
            (answer.addresses.iter())
                .all(|address| address.to_string().starts_with(&prefix))
                .then_some(())
        });
    }
}

#[test]
fn each_tier_moves_by_its_own_readyz_and_comes_back() {
    let bench = Bench::start("failover", |text| text);
    bench.leads_to("api.tg.test", "east");
    bench.leads_to("live.tg.test", "east");
    let ttl_s = bench.gdnsd.ask("live.tg.test").ttl_s;
    assert!((1..=15).contains(&ttl_s), "{ttl_s}");

    bench.east_api.say(503);
    bench.leads_to("api.tg.test", "west");
    bench.leads_to("live.tg.test", "east");

    // One node hangs: the other is answered alone.
    bench.east_live[0].say(0);
    soon("the node that hangs is left out", || {
        (bench.gdnsd.ask("live.tg.test").addresses == ips(&EAST[1..])).then_some(())
    });
    bench.east_live[1].say(500);
    bench.leads_to("live.tg.test", "west");
    // A region's own name stays there, also when all of it is down.
    assert_eq!(
        bench.gdnsd.ask("api-east.tg.test").addresses,
        ips(&[[127, 0, 1, 1]])
    );

    bench.east_api.say(200);
    bench.leads_to("api.tg.test", "east");
    // Both down: the first is answered, so that whoever asks has something to try.
    bench.east_api.say(503);
    bench.west_api.say(503);
    soon("both are seen to be down", || {
        let api = bench.gdnsd.ask("api.tg.test").addresses;
        (api == ips(&[[127, 0, 1, 1]])).then_some(())
    });
}

#[test]
fn weights_share_newcomers_out() {
    let bench = Bench::start("weighted", |text| text);
    let ask = || bench.gdnsd.ask("live.tg.test").addresses;
    let mut west = 0;
    for _ in 0..800 {
        let answer = ask();
        let (here, all) = match answer[0].to_string().starts_with("127.0.2.") {
            true => (1, WEST.len()),
            false => (0, EAST.len()),
        };
        // All nodes of one region, never of both.
        assert_eq!(answer.len(), all, "{answer:?}");
        west += here;
    }
    // 800 draws at 3/4: 600, give or take six deviations of 12.2.
    assert!((526..=674).contains(&west), "{west} of 800");
    bench.east_live.iter().for_each(|node| node.say(503));
    soon("only the living region is answered", || {
        (0..50).all(|_| ask().len() == WEST.len()).then_some(())
    });
}

#[test]
fn a_network_comes_to_its_region_first() {
    let bench = Bench::start("geo", |text| {
        text.replace("weight = 300", "weight = 300\nnets = [\"198.51.100.0/24\"]")
    });
    let west = ips(&[[127, 0, 2, 1]]);
    let east = ips(&[[127, 0, 1, 1]]);
    let near_west = || {
        bench
            .gdnsd
            .ask_from("api.tg.test", [198, 51, 100, 0])
            .addresses
    };
    assert_eq!(near_west(), west);
    assert_eq!(
        bench
            .gdnsd
            .ask_from("api.tg.test", [203, 0, 113, 0])
            .addresses,
        east
    );
    bench.west_api.say(503);
    soon("they go elsewhere when their region is down", || {
        (near_west() == east).then_some(())
    });
}

#[test]
fn a_drain_keeps_newcomers_away_until_it_is_over() {
    for policy in ["failover", "geo", "weighted"] {
        // Without the other region's greater share, east is where all three lead first.
        let bench = Bench::start(policy, |text| text.replace("weight = 300", "weight = 1"));
        let description = Description::parse(&bench.text).unwrap();
        let east = "east".parse().unwrap();
        let write = |before: &str, wish| {
            let after = edit(&description, before, &east, wish).unwrap();
            fs::write(bench.gdnsd.admin_state(), &after).unwrap();
            after
        };
        let never_east =
            || (0..30).all(|_| bench.gdnsd.ask("live.tg.test").addresses.len() == WEST.len());
        let state = write("", Wish::Drain);
        soon("nobody is led there", || never_east().then_some(()));
        assert_eq!(
            bench.gdnsd.ask("live-east.tg.test").addresses.len(),
            EAST.len()
        );
        write(&state, Wish::Restore);
        soon("they are again", || {
            (bench.gdnsd.ask("live.tg.test").addresses.len() == EAST.len()).then_some(())
        });
    }
}
