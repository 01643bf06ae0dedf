use gslb_tests::Gdnsd;

use super::description;

fn content(description: &str) {
    let (good, said) = Gdnsd::checkconf(description);
    assert!(good, "{said}\n{description}");
    // It warns where it takes a value as another than the one written.
    assert!(!said.contains("warning:"), "{said}");
}

#[test]
fn every_policy_is_taken() {
    for policy in ["failover", "geo", "weighted"] {
        content(&description(policy, 3000, 7001));
        let six = description(policy, 3000, 7001)
            .replace("[\"127.0.2.1\"]", "[\"127.0.2.1\", \"2001:db8::1\"]");
        content(&six);
        content(&six.replace("\"http\", port = 3000", "\"https\", port = 443"));
        content(&six.replace("weight = 300", "weight = 0"));
    }
    let nets = description("geo", 3000, 7001).replace(
        "weight = 300",
        "nets = [\"198.51.100.0/24\", \"2001:db8::/32\"]",
    );
    content(&nets);
}

/// The database of places is the operator's; without it gdnsd gets as far as looking for it.
#[test]
fn the_repositorys_example_is_taken_but_for_the_operators_database() {
    let example = include_str!("../../../../infra/gslb/regions.toml");
    let own = |line: &&str| !line.starts_with("listen") && !line.starts_with("#");
    let example: Vec<&str> = example.lines().filter(own).collect();
    let example = example.join("\n");
    let (good, said) = Gdnsd::checkconf(&example);
    assert!(!good && said.contains("GeoLite2-Country.mmdb"), "{said}");
    let without: Vec<&str> = example
        .lines()
        .filter(|line| !line.starts_with("places") && !line.starts_with("geoip_database"))
        .collect();
    content(&without.join("\n"));
}

/// So that the tests above can fail.
#[test]
fn gdnsd_does_refuse() {
    let text = description("geo", 3000, 7001);
    let text = text.replace("weight = 300", "nets = [\"::ffff:0.0.0.0/96\"]");
    let (good, said) = Gdnsd::checkconf(&text);
    assert!(!good, "{said}");
}
