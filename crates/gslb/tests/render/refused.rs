use tidegate_gslb::{Description, gdnsd};

use super::SMALL;

fn refusal(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    match Description::parse(&SMALL.replacen(from, to, 1)) {
        Ok(_) => panic!("{to} is taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_cannot_be_is_refused_with_what_would_be_right() {
    for (from, to, hint) in [
        ("zone = \"tg.test\"", "zone = \"test\"", "tg.example.org"),
        (
            "zone = \"tg.test\"",
            "zone = \"a b.test\"",
            "no domain name",
        ),
        (
            "zone = \"tg.test\"",
            "zone = \"tg.test\\n@ A 1.2.3.4\"",
            "no domain name",
        ),
        ("\"failover\"", "\"fastest\"", "failover"),
        ("port = 3000", "port = 0", "api.port"),
        ("scheme = \"http\"", "scheme = \"ftp\"", "https"),
        ("name = \"east\"", "name = \"East\"", "East"),
        (
            "name = \"east\"",
            "name = \"west\"",
            "two regions are called west",
        ),
        ("weight = 300", "weight = 1001", "0 to 1000"),
        ("[\"127.0.1.1\"]", "[]", "1 to 8"),
        ("[\"127.0.1.1\"]", "[\"east.example.org\"]", "IP address"),
        (
            "[\"127.0.1.1\"]",
            "[\"127.0.2.1\"]",
            "127.0.2.1 is an address of api twice",
        ),
        (
            "name = \"east\"",
            "name = \"east\"\nplaces = [\"EU\"]",
            "policy = \"geo\"",
        ),
        ("name = \"east\"", "name = \"east\"\nwieght = 3", "wieght"),
        ("[gdnsd]", "[ttl]\nmoving_s = 1\n[gdnsd]", "5 to 86400"),
        (
            "[gdnsd]",
            "[checks]\ntimeout_s = 5\n[gdnsd]",
            "less than checks.interval_s",
        ),
        ("[gdnsd]", "[gdnsd]\nrun_dir = \"/a\\\"b\"", "gdnsd.run_dir"),
        (
            "name = \"ns1\"",
            "name = \"ns1.example.org.\"",
            "outside the zone",
        ),
        (", addresses = [\"127.0.0.1\"]", "", "needs `addresses`"),
    ] {
        let error = refusal(from, to);
        assert!(error.contains(hint), "{to}: {error}");
    }
}

#[test]
fn one_place_has_one_region() {
    let text = SMALL
        .replace("failover", "geo")
        .replace("name = \"east\"", "name = \"east\"\nplaces = [\"EU\"]")
        .replace("name = \"west\"", "name = \"west\"\nplaces = [\"EU\"]");
    let error = Description::parse(&text).unwrap_err().to_string();
    assert!(
        error.starts_with("EU is said to be near east and near west"),
        "{error}"
    );
}

#[test]
fn somebody_takes_newcomers() {
    let text = SMALL
        .replace("weight = 300", "weight = 0")
        .replace("name = \"east\"", "name = \"east\"\nweight = 0");
    let error = Description::parse(&text).unwrap_err().to_string();
    assert!(error.contains("every region has weight 0"), "{error}");
    let none = SMALL.split("[[regions]]").next().unwrap();
    let error = Description::parse(none).unwrap_err().to_string();
    assert!(error.contains("there are 0 [[regions]]"), "{error}");
}

#[test]
fn gdnsd_says_what_it_needs_besides() {
    let error = |text: &str| {
        let description = Description::parse(text).unwrap();
        gdnsd::render(&description).unwrap_err().to_string()
    };
    let servers = "name_servers = [{ name = \"ns1\", addresses = [\"127.0.0.1\"] }]";
    assert!(error(&SMALL.replace(servers, "")).contains("name_servers"));
    let places = SMALL
        .replace("failover", "geo")
        .replace("name = \"east\"", "name = \"east\"\nplaces = [\"EU\"]");
    assert!(error(&places).contains("geoip_database"));
}

#[test]
fn no_name_leads_to_every_address_of_a_machine() {
    for nowhere in ["0.0.0.0", "::", "::ffff:0.0.0.0"] {
        let text = format!(
            "{SMALL}[[regions]]\nname = \"more\"\napi = [\"192.0.2.99\"]\nlive = [\"{nowhere}\"]\n"
        );
        let error = Description::parse(&text).unwrap_err().to_string();
        assert!(error.contains("no client can connect"), "{error}");
    }
}
