//! Scopes: the acts that a token is good for.

use std::fmt;

/// One act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Publish `chat`, `custom` and `like`.
    Publish,
    /// Publish `gift`.
    PublishGift,
    /// Publish `control`.
    PublishControl,
    /// Create rooms; change and close any.
    RoomsWrite,
    /// Ban, mute, kick, hide.
    Moderate,
    /// A back end: any room, any kind, in anybody's name.
    Service,
}

impl Scope {
    const ALL: [Self; 6] = [
        Self::Publish,
        Self::PublishGift,
        Self::PublishControl,
        Self::RoomsWrite,
        Self::Moderate,
        Self::Service,
    ];

    /// The name in a token's `scope`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::PublishGift => "publish:gift",
            Self::PublishControl => "publish:control",
            Self::RoomsWrite => "rooms:write",
            Self::Moderate => "moderate",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The acts of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Whether an act is among them. `service` holds them all.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8 | 1 << Scope::Service as u8) != 0
    }
}

impl<'a> FromIterator<&'a str> for Scopes {
    /// Reads names; those that mean nothing here are somebody else's and are skipped.
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut scopes = Self::default();
        for name in names {
            if let Some(scope) = Scope::ALL.into_iter().find(|scope| scope.name() == name) {
                scopes.0 |= 1 << scope as u8;
            }
        }
        scopes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_holds_itself_only_and_service_holds_all() {
        let gift: Scopes = ["publish:gift", "email"].into_iter().collect();
        assert!(gift.has(Scope::PublishGift));
        assert!(!gift.has(Scope::Publish) && !gift.has(Scope::Service));
        let service: Scopes = ["service"].into_iter().collect();
        assert!(Scope::ALL.into_iter().all(|scope| service.has(scope)));
        let none: Scopes = ["Publish", "publish ", ""].into_iter().collect();
        assert_eq!(none, Scopes::default());
    }
}
