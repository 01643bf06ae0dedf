//! How long a routing decision takes, with `matchit` (the tree inside axum) beside it in the same run.
//!
//! `cargo bench -p tidegate-route [-- --json]`
//!
//! Both look the same paths up in the same routes. `matchit` only walks its tree; a decision here also refuses paths that
//! could mean two things, and knows methods.

use std::hint::black_box;
use std::time::Instant;

use tidegate_route::{Method, Router};

/// Turns of each, one after the other; the median counts.
const TURNS: usize = 11;
/// Lookups in a turn.
const LOOKUPS: usize = 200_000;

fn main() {
    let as_json = std::env::args().any(|argument| argument == "--json");
    let mut rows = Vec::new();
    for routes in [10, 100, 1_000, 5_000] {
        let ours = ours(routes);
        let matchit = matchit_of(routes);
        let paths = paths(routes);
        let mut taken = [Vec::new(), Vec::new()];
        for _ in 0..TURNS {
            taken[0].push(time(&paths, |path| {
                let found = ours.find(Some(Method::Get), path);
                let found = found.expect("every path has a route");
                black_box(found.params.raw("id")).is_some()
            }));
            taken[1].push(time(&paths, |path| {
                let found = matchit.at(path).expect("every path has a route");
                black_box(found.params.get("id")).is_some()
            }));
        }
        for (subject, turns) in ["tidegate", "matchit"].into_iter().zip(&mut taken) {
            turns.sort_by(f64::total_cmp);
            rows.push((routes, subject, turns[TURNS / 2]));
        }
    }
    if as_json {
        let rows: Vec<String> = rows
            .iter()
            .map(|(routes, subject, ns)| {
                format!(
                    r#"{{"case":"routes_{routes}","subject":"{subject}","value":{ns:.1},"unit":"ns"}}"#
                )
            })
            .collect();
        println!(r#"{{"bench":"route","rows":[{}]}}"#, rows.join(","));
        return;
    }
    println!("{:>8}  {:<10}{:>8}", "routes", "subject", "ns");
    for (routes, subject, ns) in rows {
        println!("{routes:>8}  {subject:<10}{ns:>8.0}");
    }
}

/// Routes as platforms have them: services, collections with an item in them, parts of items, and whole prefixes.
fn pattern(n: usize) -> String {
    let service = n % 70;
    match n % 5 {
        0 => format!("/svc-{service}/collection-{n}/{{id}}"),
        1 => format!("/svc-{service}/collection-{n}/{{id}}/parts/{{part}}"),
        2 => format!("/svc-{service}/{{tenant}}/collection-{n}/{{id}}"),
        3 => format!("/svc-{service}/action-{n}"),
        _ => format!("/svc-{service}/files-{n}/{{*id}}"),
    }
}

fn path(n: usize) -> String {
    let service = n % 70;
    match n % 5 {
        0 => format!("/svc-{service}/collection-{n}/0af7651916cd43dd"),
        1 => format!("/svc-{service}/collection-{n}/0af7651916cd43dd/parts/7"),
        2 => format!("/svc-{service}/acme/collection-{n}/0af7651916cd43dd"),
        3 => format!("/svc-{service}/action-{n}"),
        _ => format!("/svc-{service}/files-{n}/2026/11/24/report.pdf"),
    }
}

fn ours(routes: usize) -> Router<usize> {
    let mut router = Router::default();
    for n in 0..routes {
        router
            .add(Method::Get, &pattern(n), n)
            .expect("the pattern is one");
    }
    router
}

fn matchit_of(routes: usize) -> matchit::Router<usize> {
    let mut router = matchit::Router::new();
    for n in 0..routes {
        router.insert(pattern(n), n).expect("the pattern is one");
    }
    router
}

/// The path of each route once, in an order that no cache foresees.
fn paths(routes: usize) -> Vec<String> {
    let mut state: u64 = 1;
    let mut order: Vec<usize> = (0..routes).collect();
    for at in (1..routes).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap_or(0) % (at + 1);
        order.swap(at, other);
    }
    order.into_iter().map(path).collect()
}

/// Nanoseconds for one lookup.
fn time(paths: &[String], lookup: impl Fn(&str) -> bool) -> f64 {
    let begun = Instant::now();
    let mut found = 0;
    for path in paths.iter().cycle().take(LOOKUPS) {
        found += usize::from(lookup(black_box(path)));
    }
    black_box(found);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 ns")]
    let ns = begun.elapsed().as_nanos() as f64 / LOOKUPS as f64;
    ns
}
