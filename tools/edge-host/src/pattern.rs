//! Patterns of routes: `:name` stands for one segment, a last `/...` for all that follows. Slashes at both ends of a path
//! do not matter.

use std::cmp::Ordering;

use anyhow::{Result, bail};

/// One route's pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
    /// Whether it ends in `/...`.
    open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Exact(String),
    Param(String),
}

/// What a pattern's parts stood for in a path.
#[derive(Debug, PartialEq, Eq)]
pub struct Captures<'r, 'p> {
    /// Names, each with its segment.
    pub params: Vec<(&'r str, &'p str)>,
    /// What `/...` stood for, without slashes at its ends.
    pub rest: Option<&'p str>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When a parameter has no name or is not a whole segment, or `...` is not the last one.
    pub fn parse(text: &str) -> Result<Self> {
        let trimmed = text.trim_matches('/');
        let (stem, open) = match trimmed.strip_suffix("...") {
            Some(stem) if stem.is_empty() || stem.ends_with('/') => (stem.trim_matches('/'), true),
            _ => (trimmed, false),
        };
        let mut segments = Vec::new();
        for part in stem.split('/').filter(|part| !part.is_empty()) {
            segments.push(match part.strip_prefix(':') {
                Some("") => bail!("a parameter needs a name: `/:name`"),
                Some(name) if name.contains([':', '.']) => {
                    bail!("a parameter is a whole segment: {part:?} is not supported here")
                }
                Some(name) => Segment::Param(name.to_owned()),
                None if part.contains(':') || part.contains('*') || part == "..." => {
                    bail!("{part:?} is neither plain text nor `:name`, and `...` stands last only")
                }
                None => Segment::Exact(part.to_owned()),
            });
        }
        Ok(Self { segments, open })
    }

    /// Whether a path, without its query, is one of this pattern's.
    pub fn matches<'p>(&self, path: &'p str) -> Option<Captures<'_, 'p>> {
        let mut left = path.trim_matches('/');
        let mut params = Vec::new();
        for segment in &self.segments {
            let (part, after) = left.split_once('/').unwrap_or((left, ""));
            match segment {
                Segment::Exact(text) if text == part => {}
                Segment::Param(name) if !part.is_empty() => params.push((name.as_str(), part)),
                Segment::Exact(_) | Segment::Param(_) => return None,
            }
            left = after;
        }
        if !self.open && !left.is_empty() {
            return None;
        }
        Some(Captures {
            params,
            rest: self.open.then_some(left),
        })
    }

    /// Which of two patterns that match one path wins, the less one: segment by segment, text before a parameter before
    /// `/...`; so the longer one comes first.
    pub fn precedence(&self, other: &Self) -> Ordering {
        let ranks = |pattern: &Self| {
            let mut ranks: Vec<u8> = pattern
                .segments
                .iter()
                .map(|segment| match segment {
                    Segment::Exact(_) => 0,
                    Segment::Param(_) => 1,
                })
                .collect();
            ranks.push(if pattern.open { 2 } else { 0 });
            ranks
        };
        ranks(self).cmp(&ranks(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_the_rest_are_captured() {
        let pattern = Pattern::parse("/a/:one/b/:two/...").unwrap();
        let captures = pattern.matches("/a/1/b/2/x/y/").unwrap();
        assert_eq!(captures.params, [("one", "1"), ("two", "2")]);
        assert_eq!(captures.rest, Some("x/y"));
        assert_eq!(pattern.matches("/a/1/b/2").unwrap().rest, Some(""));
        assert_eq!(pattern.matches("/a//b/2"), None);
        assert_eq!(pattern.matches("/a/1/c/2"), None);
        assert_eq!(pattern.matches("/a/1/b"), None);
    }

    #[test]
    fn the_root_and_all_below_it() {
        let root = Pattern::parse("/").unwrap();
        assert!(root.matches("/").is_some() && root.matches("/a").is_none());
        let all = Pattern::parse("/...").unwrap();
        assert_eq!(all.matches("/").unwrap().rest, Some(""));
        assert_eq!(all.matches("/a/b").unwrap().rest, Some("a/b"));
    }

    #[test]
    fn what_spin_would_read_otherwise_is_refused() {
        for bad in ["/:", "/a/:/b", "/:name.json", "/a*", "/*", "/.../a", "/a:b"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
        assert!(Pattern::parse("/file.json").is_ok());
    }
}
