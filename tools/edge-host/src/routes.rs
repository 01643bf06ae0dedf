//! Which component answers a path, by Spin's rules: `:name` stands for one segment, a last `/...` for all that follows;
//! an exact route wins over a wildcard, and a longer one over a shorter.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::manifest::Route;
use crate::pattern::{Captures, Pattern};

/// Paths under it are answered by the host, never by the app.
pub const WELL_KNOWN: &str = "/.well-known/spin/";

/// All routes of an app, in the order in which they are tried.
pub struct Routes(Vec<Target>);

struct Target {
    route: Route,
    pattern: Pattern,
    /// The pattern as text, with a leading and without a trailing slash.
    text: String,
}

/// A route that matched a path.
pub struct Matched<'a> {
    target: &'a Target,
    captures: Captures<'a, 'a>,
    path: &'a str,
}

impl Routes {
    /// Builds the router. Of two routes with the same pattern the last one wins, as in Spin; the others are logged.
    pub fn build(routes: &[Route]) -> Result<Self> {
        let mut targets = Vec::with_capacity(routes.len());
        for (index, route) in routes.iter().enumerate() {
            if let Some(winner) = routes[index + 1..]
                .iter()
                .find(|later| later.pattern == route.pattern)
            {
                tracing::warn!(
                    route = route.pattern,
                    unused = route.component,
                    used = winner.component,
                    "a route appears twice"
                );
                continue;
            }
            let pattern = Pattern::parse(&route.pattern).with_context(|| {
                format!(
                    "the route {:?} of component {:?}",
                    route.pattern, route.component
                )
            })?;
            let text = format!("/{}", route.pattern.trim_matches('/'));
            if text.starts_with(WELL_KNOWN) {
                tracing::warn!(
                    route = route.pattern,
                    "paths under {WELL_KNOWN} never reach the app"
                );
            }
            targets.push(Target {
                route: route.clone(),
                pattern,
                text,
            });
        }
        targets.sort_by(|one, other| one.pattern.precedence(&other.pattern));
        Ok(Self(targets))
    }

    /// The route for a path, without its query.
    pub fn find<'a>(&'a self, path: &'a str) -> Option<Matched<'a>> {
        self.0.iter().find_map(|target| {
            Some(Matched {
                captures: target.pattern.matches(path)?,
                target,
                path,
            })
        })
    }
}

impl Matched<'_> {
    /// Id of the component that answers.
    pub fn component(&self) -> &str {
        &self.target.route.component
    }

    /// What `/...` stood for, with its leading slash, and with a trailing one where the path has one.
    fn rest(&self) -> String {
        let slash = if self.path.ends_with('/') { "/" } else { "" };
        match self.captures.rest {
            None => String::new(),
            Some("") => slash.to_owned(),
            Some(rest) => format!("/{rest}{slash}"),
        }
    }

    /// Sets the headers by which Spin tells a guest of route and client, in place of any the client sent under these names.
    pub fn set_headers(&self, headers: &mut HeaderMap, uri: &Uri, client: Option<SocketAddr>) {
        let sent: Vec<_> = headers
            .keys()
            .filter(|name| {
                name.as_str().starts_with("spin-path-match-") || *name == "spin-client-addr"
            })
            .cloned()
            .collect();
        for name in sent {
            headers.remove(name);
        }
        let mut set = |name: &str, value: &[u8]| {
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_bytes(value),
            ) {
                headers.insert(name, value);
            }
        };
        let raw = &self.target.route.pattern;
        set("spin-path-info", self.rest().as_bytes());
        set("spin-full-url", uri.to_string().as_bytes());
        set("spin-matched-route", self.target.text.as_bytes());
        set("spin-base-path", b"/");
        set("spin-raw-component-route", raw.as_bytes());
        set(
            "spin-component-route",
            raw.strip_suffix("/...").unwrap_or(raw).as_bytes(),
        );
        if let Some(client) = client {
            set("spin-client-addr", client.to_string().as_bytes());
        }
        for (name, segment) in &self.captures.params {
            let name = name.to_ascii_lowercase().replace('_', "-");
            set(&format!("spin-path-match-{name}"), segment.as_bytes());
        }
    }
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
