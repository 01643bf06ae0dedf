//! Templates of Spin manifests: text with `{{ name }}` in it.

use anyhow::{Context, Result};

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// A template, split at its expressions.
#[derive(Debug)]
pub struct Template<'a>(Vec<Part<'a>>);

impl<'a> Template<'a> {
    /// Splits `text`; an expression without an end is refused.
    pub fn parse(text: &'a str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, behind) = after
                .split_once("}}")
                .with_context(|| format!("`{{{{` without `}}}}` in the template {text:?}"))?;
            parts.push(Part::Text(before));
            parts.push(Part::Name(name.trim()));
            rest = behind;
        }
        parts.push(Part::Text(rest));
        Ok(Self(parts))
    }

    /// Whether there is no expression in it.
    pub fn is_literal(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(|part| match part {
            Part::Name(name) => Some(*name),
            Part::Text(_) => None,
        })
    }

    /// Puts values in; `value` is asked for each name.
    pub fn resolve<'v>(&self, value: impl Fn(&str) -> Result<&'v str>) -> Result<String> {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => Ok(*text),
                Part::Name(name) => value(name),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::Template;

    fn resolve(text: &str) -> anyhow::Result<String> {
        Template::parse(text)?.resolve(|name| match name {
            "a" => Ok("1"),
            "b_c" => Ok("{{ a }}"),
            _ => bail!("no {name}"),
        })
    }

    #[test]
    fn names_are_replaced_once() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{{a}}", "1"),
            ("x{{ a }}y{{  a  }}", "x1y1"),
            ("{{ b_c }}", "{{ a }}"),
            ("} {a} }}", "} {a} }}"),
        ] {
            assert_eq!(resolve(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn an_open_end_and_an_unknown_name_are_refused() {
        assert!(
            resolve("x {{ a")
                .unwrap_err()
                .to_string()
                .contains("without")
        );
        assert_eq!(resolve("{{ z }}").unwrap_err().to_string(), "no z");
    }
}
