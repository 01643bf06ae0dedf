use std::net::SocketAddr;

use http::HeaderMap;

use super::Routes;
use crate::manifest::Route;

fn routes(patterns: &[&str]) -> Routes {
    let list: Vec<_> = patterns
        .iter()
        .map(|pattern| Route {
            pattern: (*pattern).into(),
            component: format!("of {pattern}"),
        })
        .collect();
    Routes::build(&list).unwrap()
}

fn headers(pattern: &str, path: &str) -> HeaderMap {
    headers_of(pattern, path, Some("10.0.0.1:5".parse().unwrap()))
}

fn headers_of(pattern: &str, path: &str, client: Option<SocketAddr>) -> HeaderMap {
    let routes = routes(&[pattern]);
    let mut headers = HeaderMap::new();
    headers.insert("spin-client-addr", "forged".parse().unwrap());
    headers.insert("spin-path-match-forged", "forged".parse().unwrap());
    let uri = format!("http://h:1{path}?q=1").parse().unwrap();
    routes
        .find(path)
        .unwrap()
        .set_headers(&mut headers, &uri, client);
    headers
}

#[test]
fn the_most_specific_route_wins() {
    let all = [
        "/",
        "/one",
        "/one/...",
        "/one/two/...",
        "/:any",
        "/user/:id",
        "/user/:id/files/...",
        "/user/me",
    ];
    let forwards = routes(&all);
    let backwards = routes(&all.iter().rev().copied().collect::<Vec<_>>());
    for (path, expected) in [
        ("/", Some("of /")),
        ("/one", Some("of /one")),
        ("/one/", Some("of /one")),
        ("/one/x", Some("of /one/...")),
        ("/one/two", Some("of /one/two/...")),
        ("/one/two/three", Some("of /one/two/...")),
        ("/other", Some("of /:any")),
        ("/user/7", Some("of /user/:id")),
        ("/user/me", Some("of /user/me")),
        ("/user/7/files/a/b", Some("of /user/:id/files/...")),
        ("/user/7/other", None),
        ("/a/b", None),
    ] {
        for routes in [&forwards, &backwards] {
            assert_eq!(
                routes
                    .find(path)
                    .as_ref()
                    .map(|matched| matched.component()),
                expected,
                "{path}"
            );
        }
    }
}

#[test]
fn an_exact_route_does_not_match_below_it() {
    let routes = routes(&["/a"]);
    assert!(
        routes.find("/a").is_some()
            && routes.find("/a/b").is_none()
            && routes.find("/ab").is_none()
    );
}

#[test]
fn of_two_equal_routes_the_last_wins() {
    let list = ["first", "second"].map(|component| Route {
        pattern: "/x".into(),
        component: component.into(),
    });
    assert_eq!(
        Routes::build(&list)
            .unwrap()
            .find("/x")
            .unwrap()
            .component(),
        "second"
    );
}

#[test]
fn the_rest_of_a_path_keeps_its_slashes() {
    for (pattern, path, expected) in [
        ("/...", "/1/2/3", "/1/2/3"),
        ("/...", "/", "/"),
        ("/t/...", "/t", ""),
        ("/t/...", "/t/", "/"),
        ("/t/...", "/t/hello", "/hello"),
        ("/t/...", "/t/hello/", "/hello/"),
        ("/t", "/t", ""),
    ] {
        assert_eq!(
            headers(pattern, path)["spin-path-info"],
            expected,
            "{pattern} for {path}"
        );
    }
}

#[test]
fn the_headers_of_spin_are_set_and_forged_ones_dropped() {
    let headers = headers("/room/:room_id/...", "/room/r1/messages");
    let list: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let mut sorted = list.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            ("spin-base-path", "/"),
            ("spin-client-addr", "10.0.0.1:5"),
            ("spin-component-route", "/room/:room_id"),
            ("spin-full-url", "http://h:1/room/r1/messages?q=1"),
            ("spin-matched-route", "/room/:room_id/..."),
            ("spin-path-info", "/messages"),
            ("spin-path-match-room-id", "r1"),
            ("spin-raw-component-route", "/room/:room_id/..."),
        ]
    );
}

#[test]
fn a_client_that_is_not_told_is_none_that_it_tells_itself() {
    assert!(!headers_of("/...", "/", None).contains_key("spin-client-addr"));
}
