//! Where a request goes within its upstream: the path as it came, or another one made of its parameters.

use tidegate_route::{Params, path};

/// The path of a request to an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// As it came.
    Same,
    /// Put together.
    Made(Vec<Part>),
}

/// A piece of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it is.
    Text(String),
    /// What a parameter took, with its escapes as they were.
    Param(String),
}

impl Target {
    /// Reads `/v2/{id}/{*rest}`. `pattern` is the route's path, whose parameters it may name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str, pattern: &str) -> Result<Self, String> {
        let parameters: Vec<&str> = pattern
            .split('/')
            .filter(|segment| segment.starts_with('{'))
            .collect();
        let segments = text.strip_prefix('/').ok_or("it begins with a slash")?;
        let (mut parts, mut literal) = (Vec::new(), String::new());
        let count = segments.split('/').count();
        for (index, segment) in segments.split('/').enumerate() {
            literal.push('/');
            if !segment.contains(['{', '}']) {
                literal.push_str(segment);
                continue;
            }
            if !parameters.contains(&segment) {
                return Err(format!("`{segment}` is no parameter of the route's path"));
            }
            if segment.starts_with("{*") && index + 1 < count {
                return Err(format!("`{segment}` stands at the end only"));
            }
            parts.push(Part::Text(std::mem::take(&mut literal)));
            let name = segment.trim_matches(['{', '}']).trim_start_matches('*');
            parts.push(Part::Param(name.to_owned()));
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        let target = Self::Made(parts);
        let sample = target.with(|_| Some("x"));
        path::check(&sample).map_err(|error| error.to_string())?;
        let plain = |byte: u8| {
            byte.is_ascii_graphic()
                && !matches!(byte, b'?' | b'#' | b'"' | b'<' | b'>' | b'`' | b'^' | b'|')
        };
        if !sample.bytes().all(plain) {
            return Err("it has a sign that must be escaped in a path".to_owned());
        }
        Ok(target)
    }

    /// The path for a request that came with `path`. Parameters are put in raw, so that what was one segment stays one.
    pub fn path(&self, path: &str, params: &Params<'_, '_>) -> String {
        match self {
            Self::Same => path.to_owned(),
            Self::Made(_) => self.with(|name| params.raw(name)),
        }
    }

    fn with<'p>(&self, param: impl Fn(&str) -> Option<&'p str>) -> String {
        let Self::Made(parts) = self else {
            return String::new();
        };
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Param(name) => param(name).unwrap_or_default().to_owned(),
        };
        parts.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_route::{Method, Router};

    fn made(pattern: &str, to: &str, path: &str) -> String {
        let mut router = Router::default();
        router.add(Method::Get, pattern, ()).unwrap();
        let found = router.find(Some(Method::Get), path).unwrap();
        Target::read(to, pattern).unwrap().path(path, &found.params)
    }

    #[test]
    fn parameters_stay_as_they_were_written() {
        for (pattern, to, path, expected) in [
            ("/shop/{*rest}", "/{*rest}", "/shop/a/b%20c", "/a/b%20c"),
            ("/shop/{*rest}", "/{*rest}", "/shop/", "/"),
            ("/shop/{*rest}", "/api/{*rest}", "/shop/a/", "/api/a/"),
            (
                "/u/{id}/{x}",
                "/v2/{x}/of/{id}",
                "/u/caf%C3%A9/1",
                "/v2/1/of/caf%C3%A9",
            ),
            ("/u/{id}", "/fixed", "/u/1", "/fixed"),
        ] {
            assert_eq!(made(pattern, to, path), expected);
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for to in [
            "",
            "a",
            "/a//b",
            "/../x",
            "/%2e%2e/x",
            "/a%2fb",
            "/{other}",
            "/{*id}",
            "/x{id}",
            "/a b",
            "/a?b",
            "/a#b",
            "/caf\u{e9}",
        ] {
            assert!(Target::read(to, "/u/{id}").is_err(), "{to}");
        }
        assert!(Target::read("/{*rest}/a", "/u/{*rest}").is_err());
    }
}
