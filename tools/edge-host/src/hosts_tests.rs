use std::collections::{BTreeMap, HashMap};

use super::{Allowed, AllowedHosts};
use crate::manifest::Variable;
use crate::variables::Variables;

fn variables(list: &[(&str, &str)]) -> Variables {
    let declared: BTreeMap<_, _> = list
        .iter()
        .map(|(name, value)| {
            (
                (*name).into(),
                Variable {
                    default: Some((*value).into()),
                },
            )
        })
        .collect();
    Variables::resolve(&declared, |_| None, &HashMap::new()).unwrap()
}

fn allows(entry: &str, scheme: &str, host: &str, port: u16) -> bool {
    AllowedHosts::parse(&[entry.into()], &variables(&[]))
        .unwrap()
        .allow(scheme, host, port)
}

#[test]
fn what_an_entry_allows() {
    for (entry, scheme, host, port, expected) in [
        ("redis://localhost", "redis", "localhost", 6379, true),
        ("redis://localhost", "redis", "localhost", 6380, false),
        ("redis://localhost/", "redis", "localhost", 6379, true),
        ("redis://localhost:6380", "redis", "localhost", 6380, true),
        ("redis://localhost:6380", "http", "localhost", 6380, false),
        ("redis://localhost:6380", "redis", "127.0.0.1", 6380, false),
        ("redis://LocalHost:6380", "redis", "localhost", 6380, true),
        ("*://localhost:*", "redis", "localhost", 1, true),
        ("redis://*:6379", "redis", "anything.example", 6379, true),
        (
            "redis://*.example.com",
            "redis",
            "a.b.example.com",
            6379,
            true,
        ),
        ("redis://*.example.com", "redis", "example.com", 6379, false),
        (
            "redis://*.example.com",
            "redis",
            "badexample.com",
            6379,
            false,
        ),
        ("redis://h:6000..6010", "redis", "h", 6009, true),
        ("redis://h:6000..6010", "redis", "h", 6010, false),
        ("redis://127.0.0.0/8:*", "redis", "127.9.9.9", 7, true),
        (
            "redis://127.0.0.0/8:6379",
            "redis",
            "128.0.0.1",
            6379,
            false,
        ),
        ("redis://h:6379/", "redis", "h", 6379, true),
        ("redis://h:", "redis", "h", 6379, true),
        ("redis://10.0.0.0/8:6379/", "redis", "10.9.9.9", 6379, true),
        ("redis://10.1.2.3/8", "redis", "10.9.9.9", 6379, true),
        ("redis://fd00::/8", "redis", "[fd00::1]", 6379, true),
        ("redis://fd00::/8:*", "redis", "[fd00::1]", 1, true),
        ("http://h:5..5", "http", "h", 5, false),
        ("REDIS://h:1", "redis", "h", 1, false),
        ("redis://10.1.2.3:6379", "redis", "10.1.2.3", 6379, true),
        ("redis://[::1]:6380", "redis", "[::1]", 6380, true),
        ("redis://[::1]", "redis", "[::1]", 6379, true),
        ("http://self", "redis", "self", 80, false),
    ] {
        assert_eq!(
            allows(entry, scheme, host, port),
            expected,
            "{entry} for {scheme}://{host}:{port}"
        );
    }
    assert!(
        !AllowedHosts::default().allow("redis", "localhost", 6379),
        "nothing is allowed by default"
    );
}

#[test]
fn what_is_no_entry_is_refused() {
    for (entry, expected) in [
        ("*", "form"),
        ("localhost:6379", "form"),
        ("", "form"),
        ("redis://h:6379/0", "path"),
        ("redis://h/0", "path"),
        ("redis://user:word@h:6379", "credentials"),
        ("redis://user@h", "credentials"),
        ("redis://h:x", "not a number"),
        ("redis://h:65536", "not a number"),
        ("redis://h:-1", "not a number"),
        ("redis://h:1..x", "not a number"),
        ("redis://h:..", "not a number"),
        ("redis://h:{1,2}", "not a number"),
        ("redis://a*b", "`*`"),
        ("redis://a.*", "`*`"),
        ("redis://*/", "`*`"),
        ("redis://*.", "`*.`"),
        ("redis://*.*.b", "`*.`"),
        ("redis://*.1.2.3.4", "`*.`"),
        ("redis://{a,b}", "list of hosts"),
        ("redis://", "neither a name nor an address"),
        ("redis://::1", "neither a name nor an address"),
        ("redis://a b", "neither a name nor an address"),
        ("redis://10.0.0.0/33", "path"),
        ("redis://10.0.0.0/8/", "path"),
        ("redis://h//", "path"),
        ("{http,redis}://h", "letters only"),
        ("h2c://h:80", "letters only"),
        ("://h:80", "letters only"),
        ("insecure:allow-all", "form"),
        ("*://h", "no usual one"),
        ("spdy://h", "no usual one"),
    ] {
        let said = format!("{:#}", Allowed::parse(entry).unwrap_err());
        assert!(said.contains(expected), "{entry}: {said}");
    }
}

#[test]
fn entries_may_be_templates() {
    let variables = variables(&[
        ("url", "redis://127.0.0.1:7000"),
        ("host", "h"),
        ("none", ""),
        ("secret", "redis://u:pw@h"),
    ]);
    let parse = |entries: &[&str]| {
        AllowedHosts::parse(
            &entries
                .iter()
                .map(|entry| (*entry).into())
                .collect::<Vec<_>>(),
            &variables,
        )
    };
    let hosts = parse(&[
        "{{ url }}",
        "redis://{{ host }}:1",
        "{{ none }}",
        "https://{{ none }}",
    ])
    .unwrap();
    assert!(
        hosts.allow("redis", "127.0.0.1", 7000)
            && hosts.allow("redis", "h", 1)
            && !hosts.allow("https", "", 443)
    );
    assert!(format!("{:#}", parse(&["{{ other }}"]).unwrap_err()).contains("\"other\""));
    let said = format!("{:#}", parse(&["{{ secret }}"]).unwrap_err());
    assert!(
        said.contains("{{ secret }}") && !said.contains("pw"),
        "{said}"
    );
}
