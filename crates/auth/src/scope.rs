//! What a token allows its holder to do.

/// One act that a token may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// To publish chat, custom messages and likes.
    Publish,
    /// To publish gifts: for back ends, after payment.
    PublishGift,
    /// To publish control messages.
    PublishControl,
    /// To create, change and close rooms.
    RoomsWrite,
    /// To ban, mute, kick and hide.
    Moderate,
    /// To act for others, in any room, with any kind.
    Service,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Publish,
        Self::PublishGift,
        Self::PublishControl,
        Self::RoomsWrite,
        Self::Moderate,
        Self::Service,
    ];

    /// Its name in a token.
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

    /// The scope of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Whether the set holds this scope.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes in the set.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    /// Reads names parted by spaces (RFC 8693, section 4.2). Names that are not known are skipped: tokens are made for
    /// more services than this one.
    pub fn from_claim(claim: &str) -> Self {
        Self::from_names(claim.split(' '))
    }

    /// Reads names, skipping those that are not known.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().filter_map(Scope::named).collect()
    }

    /// The set as a claim: names parted by spaces.
    pub fn to_claim(self) -> String {
        self.iter().map(Scope::name).collect::<Vec<_>>().join(" ")
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_unknown_ones_skipped() {
        let scopes = Scopes::from_claim("email publish  rooms:write PUBLISH:GIFT");
        assert_eq!(
            scopes.iter().collect::<Vec<_>>(),
            [Scope::Publish, Scope::RoomsWrite]
        );
        assert!(!scopes.has(Scope::PublishGift));
        assert_eq!(scopes.to_claim(), "publish rooms:write");
        assert_eq!(Scopes::from_claim(""), Scopes::default());
    }

    #[test]
    fn one_scope_is_never_another() {
        for scope in Scope::ALL {
            let only = Scopes::from_claim(scope.name());
            assert_eq!(only.iter().collect::<Vec<_>>(), [scope]);
        }
    }
}
