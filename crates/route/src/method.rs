//! Methods (RFC 9110, section 9), and those that a path has.

use std::fmt;

/// A method that a route may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read.
    Get,
    /// Read the head only.
    Head,
    /// Ask which methods there are; what a browser asks before a call to another origin.
    Options,
    /// Create, or do.
    Post,
    /// Set.
    Put,
    /// Change a part.
    Patch,
    /// Remove.
    Delete,
}

impl Method {
    /// All of them, in the order in which `Allow` names them.
    pub const ALL: [Self; 7] = [
        Self::Get,
        Self::Head,
        Self::Options,
        Self::Post,
        Self::Put,
        Self::Patch,
        Self::Delete,
    ];

    /// The method with this name, in capitals; none for any other.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// The methods of a path. Displays as the value of the `Allow` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allow(u8);

impl Allow {
    /// Adds a method, and what comes with it: `HEAD` with `GET`, `OPTIONS` with any.
    pub fn add(&mut self, method: Method) {
        self.0 |= 1 << method as u8 | 1 << Method::Options as u8;
        if method == Method::Get {
            self.0 |= 1 << Method::Head as u8;
        }
    }

    /// Whether the method is one of them.
    pub fn has(self, method: Method) -> bool {
        self.0 & 1 << method as u8 != 0
    }
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for method in Method::ALL.into_iter().filter(|&method| self.has(method)) {
            write!(f, "{separator}{}", method.name())?;
            separator = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_survive_text() {
        for method in Method::ALL {
            assert_eq!(Method::from_name(method.name()), Some(method));
        }
        for other in ["get", "TRACE", "CONNECT", ""] {
            assert_eq!(Method::from_name(other), None);
        }
    }

    #[test]
    fn head_comes_with_get_and_options_with_any() {
        let mut allow = Allow::default();
        allow.add(Method::Get);
        allow.add(Method::Delete);
        assert_eq!(allow.to_string(), "GET, HEAD, OPTIONS, DELETE");
        let mut allow = Allow::default();
        allow.add(Method::Post);
        assert_eq!(allow.to_string(), "OPTIONS, POST");
    }
}
