use tidegate_route::{Allow, PathError};

use super::*;

const WHOLE: &str = r#"{
    "pools": {
        "shop": {
            "upstreams": [{"url": "http://10.0.0.1:8080", "weight": 3}, {"url": "http://10.0.0.2:8080"}],
            "balance": "weighted",
            "connect_ms": 200, "first_byte_ms": 1000, "total_ms": 2000,
            "breaker": {"window_ms": 5000, "min_calls": 5, "open_ms": 1000, "probes": 1}
        },
        "nodes": {"upstreams": [{"url": "http://127.0.0.1:7001"}], "balance": "least-loaded", "load": "nodes"}
    },
    "routes": [
        {"path": "/shop/{*rest}", "pool": "shop", "to": "/{*rest}", "stale_s": 60,
         "default": {"content_type": "application/json", "body": "[]"}},
        {"path": "/shop/cart/{id}", "methods": ["GET", "PUT"], "pool": "shop", "identity": "required",
         "forward_authorization": true, "request_max_bytes": 100, "response_max_bytes": 200},
        {"path": "/nodes", "methods": ["OPTIONS", "GET"], "pool": "nodes"}
    ]
}"#;

fn refused(body: &str) -> ConfigError {
    Config::parse(body).unwrap_err()
}

#[test]
fn a_whole_one_is_read() {
    let config = Config::parse(WHOLE).unwrap();
    let (route, found) = config.find(Some(Method::Get), "/shop/a/b").unwrap();
    assert_eq!(route.target.path("/shop/a/b", &found.params), "/a/b");
    assert_eq!(config.pools[route.pool].name(), "shop");
    assert_eq!(config.pools[route.pool].balance(), Balance::Weighted);
    assert_eq!(config.pools[route.pool].rules.min_calls, 5);
    assert_eq!(route.default.as_ref().unwrap().status, 200);
    let (route, _) = config.find(Some(Method::Put), "/shop/cart/7").unwrap();
    assert_eq!(
        (route.identity, route.forward_authorization),
        (Identity::Required, true)
    );
    assert_eq!(route.target, Target::Same);
    assert_eq!(
        config
            .pools
            .iter()
            .find(|pool| pool.name() == "nodes")
            .unwrap()
            .loads,
        LoadSource::Nodes
    );
    assert_eq!(config.origins().count(), 3);
}

#[test]
fn methods_are_told_apart() {
    let config = Config::parse(WHOLE).unwrap();
    let miss = |method: &str, path: &str| {
        config
            .find(Method::from_name(method), path)
            .map(|_| ())
            .unwrap_err()
    };
    let allow = |miss: Miss| match miss {
        Miss::Method(allow) => Allow::to_string(&allow),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        allow(miss("DELETE", "/shop/cart/7")),
        "GET, HEAD, OPTIONS, PUT"
    );
    assert_eq!(
        allow(miss("TRACE", "/shop/x")),
        "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE"
    );
    assert!(config.find(Some(Method::Head), "/shop/cart/7").is_ok());
    assert!(
        config.find(Some(Method::Options), "/nodes").is_ok(),
        "an upstream that wants it gets it"
    );
    assert_eq!(miss("GET", "/shop"), Miss::NotFound);
    assert_eq!(
        miss("GET", "/shop/%2e%2e/x"),
        Miss::Path(PathError::DotSegment)
    );
}

#[test]
fn an_empty_one_has_no_routes() {
    assert!(Config::parse("{}").unwrap().routes().is_empty());
}

fn with_pool(pool: &str) -> String {
    format!(r#"{{"pools":{{"p":{pool}}}}}"#)
}

fn with_route(route: &str) -> String {
    format!(r#"{{"pools":{{"p":{{"upstreams":[{{"url":"http://a"}}]}}}},"routes":[{route}]}}"#)
}

#[test]
fn what_is_wrong_is_named() {
    for (body, at, why) in [
        ("", "the configuration", "EOF"),
        ("[]", "the configuration", "a list"),
        (
            r#"{"pool":{}}"#,
            "the configuration",
            "unknown field `pool`",
        ),
        (r#"{"pools":{"P":{"upstreams":[]}}}"#, "pools.P", "a-z"),
        (&with_pool("{}"), "pools.p", "upstreams"),
        (
            &with_pool(r#"{"upstreams":[]}"#),
            "pools.p.upstreams",
            "from 1",
        ),
        (
            &with_pool(r#"{"upstreams":[{"url":"http://a/x"}]}"#),
            "pools.p.upstreams[0].url",
            "no path",
        ),
        (
            &with_pool(r#"{"upstreams":[{"url":"http://a"},{"url":"http://a:80"}]}"#),
            "pools.p.upstreams[1].url",
            "twice",
        ),
        (
            &with_pool(r#"{"upstreams":[{"url":"http://a","weight":2}]}"#),
            "pools.p.upstreams[0].weight",
            "weighted",
        ),
        (
            &with_pool(r#"{"upstreams":[{"url":"http://a","weight":0}],"balance":"weighted"}"#),
            "pools.p.upstreams[0].weight",
            "from 1",
        ),
        (
            &with_pool(r#"{"upstreams":[{"url":"http://a"}],"balance":"random"}"#),
            "pools.p",
            "round-robin",
        ),
        (
            &with_pool(r#"{"upstreams":[{"url":"http://a"}],"load":"nodes"}"#),
            "pools.p.load",
            "least-loaded",
        ),
        (
            &with_pool(r#"{"upstreams":[{"url":"http://a"}],"total_ms":60000}"#),
            "pools.p.total_ms",
            "25000",
        ),
        (
            &with_pool(r#"{"upstreams":[{"url":"http://a"}],"total_ms":100,"first_byte_ms":200}"#),
            "pools.p.first_byte_ms",
            "to 100",
        ),
        (
            &with_pool(r#"{"upstreams":[{"url":"http://a"}],"breaker":{"probes":0}}"#),
            "pools.p.breaker.probes",
            "from 1",
        ),
        (
            &with_pool(r#"{"upstreams":[{"url":"http://a"}],"timeout":1}"#),
            "pools.p",
            "unknown field `timeout`",
        ),
        (&with_route(r#"{"path":"/a"}"#), "routes[0]", "pool"),
        (
            &with_route(r#"{"path":"/a","pool":"q"}"#),
            "routes[0].pool",
            "no pool `q`",
        ),
        (
            &with_route(r#"{"path":"a","pool":"p"}"#),
            "routes[0].path",
            "slash",
        ),
        (
            &with_route(r#"{"path":"/a/{b","pool":"p"}"#),
            "routes[0].path",
            "parameter",
        ),
        (
            &with_route(r#"{"path":"/v1/x","pool":"p"}"#),
            "routes[0].path",
            "taken",
        ),
        (
            &with_route(r#"{"path":"/healthz","pool":"p"}"#),
            "routes[0].path",
            "taken",
        ),
        (
            &with_route(r#"{"path":"/.well-known/spin/info","pool":"p"}"#),
            "routes[0].path",
            "taken",
        ),
        (
            &with_route(r#"{"path":"/a","pool":"p"},{"path":"/a","methods":["GET"],"pool":"p"}"#),
            "routes[1].path",
            "already",
        ),
        (
            &with_route(r#"{"path":"/a","pool":"p","methods":[]}"#),
            "routes[0].methods",
            "at least one",
        ),
        (
            &with_route(r#"{"path":"/a","pool":"p","methods":["get"]}"#),
            "routes[0].methods",
            "`get`",
        ),
        (
            &with_route(r#"{"path":"/a","pool":"p","to":"/{b}"}"#),
            "routes[0].to",
            "no parameter",
        ),
        (
            &with_route(r#"{"path":"/a","pool":"p","identity":"maybe"}"#),
            "routes[0]",
            "required",
        ),
        (
            &with_route(r#"{"path":"/a","pool":"p","request_max_bytes":2000000}"#),
            "routes[0].request_max_bytes",
            "1048576",
        ),
        (
            &with_route(r#"{"path":"/a","pool":"p","stale_s":100000}"#),
            "routes[0].stale_s",
            "86400",
        ),
        (
            &with_route(
                r#"{"path":"/a","pool":"p","default":{"status":100,"content_type":"a","body":""}}"#,
            ),
            "routes[0].default.status",
            "200",
        ),
        (
            &with_route(
                "{\"path\":\"/a\",\"pool\":\"p\",\"default\":{\"content_type\":\"a\\r\\nb: c\",\"body\":\"\"}}",
            ),
            "routes[0].default.content_type",
            "media type",
        ),
    ] {
        let error = refused(body);
        assert_eq!(error.at, at, "{body}: {error}");
        assert!(error.why.contains(why), "{body}: {error}");
    }
    assert!(
        refused(&" ".repeat(CONFIG_BYTES + 1))
            .why
            .contains("longer")
    );
}

#[test]
fn thousands_of_routes_are_looked_up() {
    let routes: Vec<String> = (0..ROUTES)
        .map(|index| format!(r#"{{"path":"/r{index}/{{id}}","pool":"p"}}"#))
        .collect();
    let config = Config::parse(&with_route(&routes.join(","))).unwrap();
    let (route, found) = config.find(Some(Method::Get), "/r4321/x").unwrap();
    assert_eq!(
        (route.path.as_str(), found.params.raw("id")),
        ("/r4321/{id}", Some("x"))
    );
    let one_more = format!(r#"{},{{"path":"/more","pool":"p"}}"#, routes.join(","));
    assert_eq!(refused(&with_route(&one_more)).at, "routes");
}
