//! Routes with their methods and values, and looking one up.

use std::borrow::Cow;

use crate::limits::{PARAMS, ROUTES};
use crate::method::{Allow, Method};
use crate::path::{self, PathError};
use crate::pattern::{self, Part, PatternError};
use crate::tree::{Node, Place, Taken};

/// A radix tree of routes.
#[derive(Debug)]
pub struct Router<T> {
    root: Node,
    routes: Vec<Route<T>>,
    /// Every name of a parameter, once.
    names: Vec<Box<str>>,
}

/// One route. Those of one path are a chain, which begins where the tree says.
#[derive(Debug)]
struct Route<T> {
    method: Method,
    next: Option<Place>,
    /// Its parameters' names, as places in the router's list.
    names: [Place; PARAMS],
    value: T,
}

/// A route that was found.
#[derive(Debug)]
pub struct Found<'r, 'p, T> {
    /// What was given with the route.
    pub value: &'r T,
    /// What its parameters took from the path.
    pub params: Params<'r, 'p>,
}

/// The parameters of a route that was found.
#[derive(Debug, Clone, Copy)]
pub struct Params<'r, 'p> {
    all_names: &'r [Box<str>],
    names: &'r [Place; PARAMS],
    taken: Taken<'p>,
}

impl<'p> Params<'_, 'p> {
    /// A parameter as it stands in the path.
    pub fn raw(&self, name: &str) -> Option<&'p str> {
        let is_called = |place: &Place| &*self.all_names[*place as usize] == name;
        let taken = (0..PARAMS).map_while(|index| self.taken.get(index));
        let mut named = self.names.iter().zip(taken);
        named.find_map(|(place, raw)| is_called(place).then_some(raw))
    }

    /// A parameter with its escapes resolved.
    pub fn get(&self, name: &str) -> Option<Cow<'p, str>> {
        // The path was checked before it was looked up, so every escape in it resolves.
        self.raw(name).and_then(|raw| path::decode(raw).ok())
    }
}

/// Why no route was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// The path could mean two things: 400.
    #[error(transparent)]
    Path(#[from] PathError),
    /// No route has this path: 404.
    #[error("no such path")]
    NotFound,
    /// The path has routes, for other methods: 405 and `Allow`, or the answer to `OPTIONS`.
    #[error("the methods of this path are {0}")]
    Method(Allow),
}

impl<T> Default for Router<T> {
    fn default() -> Self {
        Self {
            root: Node::default(),
            routes: Vec::new(),
            names: Vec::new(),
        }
    }
}

impl<T> Router<T> {
    /// Adds a route.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn add(&mut self, method: Method, pattern: &str, value: T) -> Result<(), PatternError> {
        let parts = pattern::parse(pattern)?;
        let new = Place::try_from(self.routes.len())
            .ok()
            .filter(|_| self.routes.len() < ROUTES)
            .ok_or(PatternError::TooMany)?;
        let mut last = match self.root.place(&parts) {
            Some(first) => Some(*first),
            empty => {
                *empty = Some(new);
                None
            }
        };
        while let Some(place) = last {
            let route = &mut self.routes[place as usize];
            if route.method == method {
                return Err(PatternError::Taken(pattern.to_owned()));
            }
            last = route.next;
            if last.is_none() {
                route.next = Some(new);
            }
        }
        let mut names = [0; PARAMS];
        let of_parts = parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Param(name) | Part::Wildcard(name) => Some(*name),
        });
        for (slot, name) in names.iter_mut().zip(of_parts) {
            *slot = self.named(name);
        }
        self.routes.push(Route {
            method,
            next: None,
            names,
            value,
        });
        Ok(())
    }

    /// The place of a name, which is added if it is not there. Routes of one platform share a few names.
    fn named(&mut self, name: &str) -> Place {
        let known = self.names.iter().position(|known| &**known == name);
        let place = known.unwrap_or_else(|| {
            self.names.push(name.into());
            self.names.len() - 1
        });
        // There are at most PARAMS for each of ROUTES routes.
        Place::try_from(place).unwrap_or(Place::MAX)
    }

    /// Looks a request up. `method` is none for a method that no route can have.
    ///
    /// # Errors
    /// See [`Miss`].
    pub fn find<'p>(
        &self,
        method: Option<Method>,
        path: &'p str,
    ) -> Result<Found<'_, 'p, T>, Miss> {
        path::check(path)?;
        let mut taken = Taken::new();
        let first = self.root.find(path, 0, &mut taken).ok_or(Miss::NotFound)?;
        let of = |wanted| self.chain(first).find(|route| route.method == wanted);
        let route = match method {
            Some(Method::Head) => of(Method::Head).or_else(|| of(Method::Get)),
            Some(other) => of(other),
            None => None,
        };
        let route = route.ok_or_else(|| Miss::Method(self.allow(first)))?;
        Ok(Found {
            value: &route.value,
            params: Params {
                all_names: &self.names,
                names: &route.names,
                taken,
            },
        })
    }

    /// The routes of one path.
    fn chain(&self, first: Place) -> impl Iterator<Item = &Route<T>> {
        let at = |place: Place| self.routes.get(place as usize);
        std::iter::successors(at(first), move |route| route.next.and_then(at))
    }

    fn allow(&self, first: Place) -> Allow {
        let mut allow = Allow::default();
        self.chain(first).for_each(|route| allow.add(route.method));
        allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn router(routes: &[&'static str]) -> Router<&'static str> {
        let mut router = Router::default();
        for route in routes {
            router.add(Method::Get, route, *route).unwrap();
        }
        router
    }

    fn find<'r>(router: &'r Router<&'static str>, path: &str) -> Option<&'r str> {
        router
            .find(Some(Method::Get), path)
            .ok()
            .map(|found| *found.value)
    }

    #[test]
    fn written_out_wins_over_a_parameter_and_that_over_a_wildcard() {
        let router = router(&[
            "/rooms/new",
            "/rooms/{room}",
            "/rooms/{room}/x",
            "/{*rest}",
            "/rooms/newest/y",
        ]);
        assert_eq!(find(&router, "/rooms/new"), Some("/rooms/new"));
        assert_eq!(find(&router, "/rooms/newer"), Some("/rooms/{room}"));
        assert_eq!(find(&router, "/rooms/new/x"), Some("/rooms/{room}/x"));
        assert_eq!(find(&router, "/rooms/newest/x"), Some("/rooms/{room}/x"));
        assert_eq!(find(&router, "/rooms/newest/y"), Some("/rooms/newest/y"));
        assert_eq!(find(&router, "/rooms/a/b"), Some("/{*rest}"));
        assert_eq!(find(&router, "/"), Some("/{*rest}"));
    }

    #[test]
    fn a_trailing_slash_is_another_path() {
        let router = router(&["/rooms", "/rooms/{room}", "/dir/"]);
        assert_eq!(find(&router, "/rooms/"), None);
        assert_eq!(find(&router, "/rooms/a/"), None);
        assert_eq!(find(&router, "/dir"), None);
        assert_eq!(find(&router, "/dir/"), Some("/dir/"));
    }

    #[test]
    fn parameters_are_decoded_after_the_route_is_found() {
        let router = router(&["/rooms/{room}/bans/{user}", "/up/{*rest}"]);
        let found = router
            .find(Some(Method::Get), "/rooms/caf%C3%A9/bans/a%20b")
            .unwrap();
        assert_eq!(found.params.get("room").unwrap(), "caf\u{e9}");
        assert_eq!(found.params.raw("user"), Some("a%20b"));
        assert_eq!(found.params.get("user").unwrap(), "a b");
        assert_eq!(found.params.get("else"), None);
        let found = router.find(Some(Method::Get), "/up/a/b/").unwrap();
        assert_eq!(found.params.get("rest").unwrap(), "a/b/");
        assert_eq!(find(&router, "/%72ooms/a/bans/b"), None);
        assert_eq!(find(&router, "/Rooms/a/bans/b"), None);
    }

    #[test]
    fn methods_are_looked_at_after_the_path() {
        let mut router = Router::default();
        router.add(Method::Get, "/a", 1).unwrap();
        router.add(Method::Put, "/a", 2).unwrap();
        router.add(Method::Post, "/{x}", 3).unwrap();
        let find = |method, path| router.find(method, path).map(|found| *found.value);
        assert_eq!(find(Some(Method::Head), "/a"), Ok(1));
        assert_eq!(find(Some(Method::Put), "/a"), Ok(2));
        let Err(Miss::Method(allow)) = find(Some(Method::Post), "/a") else {
            panic!("a method that the path has not");
        };
        assert_eq!(allow.to_string(), "GET, HEAD, OPTIONS, PUT");
        assert!(matches!(find(None, "/a"), Err(Miss::Method(_))));
        assert!(matches!(
            find(Some(Method::Options), "/b"),
            Err(Miss::Method(_))
        ));
        assert!(matches!(
            find(Some(Method::Head), "/b"),
            Err(Miss::Method(_))
        ));
    }

    #[test]
    fn a_route_is_added_once() {
        let mut router = Router::default();
        router.add(Method::Get, "/a/{x}", ()).unwrap();
        assert!(matches!(
            router.add(Method::Get, "/a/{y}", ()),
            Err(PatternError::Taken(_))
        ));
        router.add(Method::Post, "/a/{y}", ()).unwrap();
    }

    #[test]
    fn five_thousand_routes_are_told_apart() {
        let mut router = Router::default();
        for n in 0..5_000 {
            router
                .add(
                    Method::Get,
                    &format!("/svc{}/{{a}}/item{n}/{{b}}", n % 70),
                    n,
                )
                .unwrap();
        }
        for n in 0..5_000 {
            let path = format!("/svc{}/left/item{n}/right", n % 70);
            let found = router.find(Some(Method::Get), &path).unwrap();
            assert_eq!(*found.value, n);
            assert_eq!(found.params.raw("b"), Some("right"));
        }
    }

    #[test]
    fn many_children_and_long_names_are_found() {
        let signs: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
        let long = "-a-name-that-is-longer-than-what-lies-in-one-node".repeat(3);
        let mut router = Router::default();
        for (n, sign) in signs.iter().enumerate() {
            let route = format!("/{sign}{long}{n}/{{id}}");
            router.add(Method::Get, &route, n).unwrap();
        }
        for (n, sign) in signs.iter().enumerate() {
            let path = format!("/{sign}{long}{n}/x");
            let found = router.find(Some(Method::Get), &path).unwrap();
            assert_eq!((*found.value, found.params.raw("id")), (n, Some("x")));
        }
        let cut = format!("/a{}", &long[..20]);
        assert_eq!(
            router.find(Some(Method::Get), &cut).unwrap_err(),
            Miss::NotFound
        );
    }

    /// What the tree must agree with: segment by segment, the best fit among all routes.
    fn naive<'r>(routes: &'r [String], path: &str) -> Option<(&'r str, Vec<String>)> {
        let fit = |route: &str| -> Option<(Vec<u8>, Vec<String>)> {
            let wanted: Vec<&str> = route[1..].split('/').collect();
            let given: Vec<&str> = path[1..].split('/').collect();
            let (mut ranks, mut params) = (Vec::new(), Vec::new());
            for (index, want) in wanted.iter().enumerate() {
                if want.starts_with("{*") {
                    if index > given.len() || given.len() == index {
                        return None;
                    }
                    ranks.push(2);
                    params.push(given[index..].join("/"));
                    return Some((ranks, params));
                }
                let have = given.get(index)?;
                if want.starts_with('{') {
                    if have.is_empty() {
                        return None;
                    }
                    ranks.push(1);
                    params.push((*have).to_owned());
                } else if want == have {
                    ranks.push(0);
                } else {
                    return None;
                }
            }
            (wanted.len() == given.len()).then_some((ranks, params))
        };
        routes
            .iter()
            .filter_map(|route| fit(route).map(|(ranks, params)| (ranks, route, params)))
            .min()
            .map(|(_, route, params)| (route.as_str(), params))
    }

    fn segment() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => "[ab]{1,3}",
            1 => "\u{e9}|\u{ea}|a\u{e9}",
            2 => Just("{}".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn the_tree_agrees_with_a_naive_matcher(
            shapes in proptest::collection::vec((proptest::collection::vec(segment(), 0..4), any::<bool>(), any::<bool>()), 1..30),
            paths in proptest::collection::vec("(/(a|b|ab|ba|aab|\u{e9}|\u{ea}|a\u{e9})){0,5}/?", 1..30),
        ) {
            let mut router = Router::default();
            let mut routes = Vec::new();
            for (segments, wildcard, slash) in shapes {
                let mut route = String::new();
                for (index, segment) in segments.iter().enumerate() {
                    route.push('/');
                    if segment == "{}" {
                        route.push_str(&format!("{{p{index}}}"));
                    } else {
                        route.push_str(segment);
                    }
                }
                if wildcard {
                    route.push_str("/{*rest}");
                } else if slash || route.is_empty() {
                    route.push('/');
                }
                if router.add(Method::Get, &route, route.clone()).is_ok() {
                    routes.push(route);
                }
            }
            for path in paths.iter().filter(|path| !path.is_empty()) {
                let expected = naive(&routes, path);
                match router.find(Some(Method::Get), path) {
                    Ok(found) => {
                        let (route, params) = expected.unwrap();
                        prop_assert_eq!(found.value, route, "{}", path);
                        let got: Vec<String> = (0..params.len())
                            .map(|index| found.params.taken.get(index).unwrap().to_owned())
                            .collect();
                        prop_assert_eq!(got, params);
                    }
                    Err(_) => prop_assert_eq!(expected, None, "{}", path),
                }
            }
        }
    }
}
