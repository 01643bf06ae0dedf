//! Who may do what. A caller is a token's; who has none is a guest, and reads open rooms only.

use tidegate_auth::{Rooms, Scope, Scopes};
use tidegate_stream::{RoomId, Subject};

use crate::message::PostKind;

/// Who calls, as a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The subject.
    pub subject: Subject,
    /// JSON text that goes with each message; empty when there is none.
    pub info: String,
    /// What the token is good for.
    pub scopes: Scopes,
    /// Rooms that it is good for.
    pub rooms: Rooms,
    /// Rooms that the subject follows.
    pub follows: Rooms,
    /// Hash of the token's id, to look for its revocation.
    pub token: Option<String>,
    /// When it lapses.
    pub expires_ms: u64,
}

/// By which right somebody acts on a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acts {
    /// By scope.
    ByScope,
    /// Only if the room is the caller's own, which the room itself decides.
    AsOwner,
    /// Only as the room's owner or as one of its moderators, which the room itself decides.
    AsModerator,
}

/// Why a call is not allowed: 403.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The token lacks an act.
    #[error("this needs the scope `{}`", .0.name())]
    Scope(Scope),
    /// The token is not good for this room.
    #[error("the token is not good for the room {0}")]
    Room(RoomId),
    /// A room that begins with `~` or `!`.
    #[error("{0} is a reserved room; this cannot be done there")]
    Reserved(RoomId),
    /// Speaking in somebody's name.
    #[error("only the scope `service` publishes in another's name (`as`)")]
    As,
    /// Creating rooms for somebody else.
    #[error("only the scope `service` creates rooms for others (`owner`)")]
    Owner,
}

impl Caller {
    /// Whether it is a back end.
    pub fn is_service(&self) -> bool {
        self.scopes.has(Scope::Service)
    }

    fn covers(&self, room: &RoomId) -> Result<(), Denied> {
        if self.is_service() || self.rooms.covers(room) {
            Ok(())
        } else {
            Err(Denied::Room(room.clone()))
        }
    }

    /// Whether the token allows an act; `service` allows them all.
    fn has(&self, scope: Scope) -> bool {
        self.scopes.has(scope) || self.is_service()
    }

    fn needs(&self, scope: Scope) -> Result<(), Denied> {
        if self.has(scope) {
            Ok(())
        } else {
            Err(Denied::Scope(scope))
        }
    }

    /// Whether the caller may read and join a room, as far as the token decides it.
    ///
    /// # Errors
    /// See [`Denied`].
    pub fn may_read(&self, room: &RoomId) -> Result<(), Denied> {
        let own = room.owner() == Some(self.subject.as_str());
        if room.is_reserved() {
            return if own || self.is_service() {
                Ok(())
            } else {
                Err(Denied::Reserved(room.clone()))
            };
        }
        self.covers(room)
    }

    /// Whether the caller may publish a kind; `speaks_for_another` when the body says `as`.
    ///
    /// # Errors
    /// See [`Denied`].
    pub fn may_publish(
        &self,
        room: &RoomId,
        kind: PostKind,
        speaks_for_another: bool,
    ) -> Result<(), Denied> {
        if room.is_reserved() && !self.is_service() {
            return Err(Denied::Reserved(room.clone()));
        }
        if speaks_for_another && !self.is_service() {
            return Err(Denied::As);
        }
        self.needs(kind.scope())?;
        self.covers(room)
    }

    /// Whether the caller may create a room of this id, for somebody else if `owner` says so.
    ///
    /// # Errors
    /// See [`Denied`].
    pub fn may_create(&self, room: &RoomId, owner: Option<&Subject>) -> Result<(), Denied> {
        if room.is_reserved() {
            return Err(Denied::Reserved(room.clone()));
        }
        if owner.is_some_and(|owner| *owner != self.subject) && !self.is_service() {
            return Err(Denied::Owner);
        }
        self.needs(Scope::RoomsWrite)?;
        self.covers(room)
    }

    /// By which right the caller changes or closes a room.
    ///
    /// # Errors
    /// See [`Denied`].
    pub fn changes(&self, room: &RoomId) -> Result<Acts, Denied> {
        if room.is_reserved() {
            return Err(Denied::Reserved(room.clone()));
        }
        self.acts(room, Scope::RoomsWrite, Acts::AsOwner)
    }

    /// By which right the caller bans, mutes, kicks and hides in a room. In reserved rooms services do.
    ///
    /// # Errors
    /// See [`Denied`].
    pub fn moderates(&self, room: &RoomId) -> Result<Acts, Denied> {
        if room.is_reserved() && !self.is_service() {
            return Err(Denied::Reserved(room.clone()));
        }
        self.acts(room, Scope::Moderate, Acts::AsModerator)
    }

    fn acts(&self, room: &RoomId, scope: Scope, otherwise: Acts) -> Result<Acts, Denied> {
        self.covers(room)?;
        Ok(if self.has(scope) {
            Acts::ByScope
        } else {
            otherwise
        })
    }

    /// Whether a ticket says that its holder moderates: by scope, as the room's owner, or as one of its moderators.
    pub fn is_moderator(&self, room: &RoomId, owner: &str, moderators: &[String]) -> bool {
        let subject = self.subject.as_str();
        match self.moderates(room) {
            Ok(Acts::ByScope) => true,
            Ok(_) => owner == subject || moderators.iter().any(|name| name == subject),
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(scopes: &[&str], rooms: Option<&[&str]>) -> Caller {
        Caller {
            subject: "alice".parse().unwrap(),
            info: String::new(),
            scopes: Scopes::from_names(scopes.iter().copied()),
            rooms: Rooms::from_patterns(rooms).unwrap(),
            follows: Rooms::none(),
            token: None,
            expires_ms: 0,
        }
    }

    fn room(id: &str) -> RoomId {
        id.parse().unwrap()
    }

    #[test]
    fn a_viewer_publishes_no_gift() {
        let viewer = caller(&["publish"], None);
        let lobby = room("demo.lobby");
        assert_eq!(viewer.may_publish(&lobby, PostKind::Chat, false), Ok(()));
        assert_eq!(
            viewer.may_publish(&lobby, PostKind::Gift, false),
            Err(Denied::Scope(Scope::PublishGift))
        );
        assert_eq!(
            viewer.may_publish(&lobby, PostKind::Control, false),
            Err(Denied::Scope(Scope::PublishControl))
        );
        assert_eq!(
            viewer.may_publish(&lobby, PostKind::Chat, true),
            Err(Denied::As)
        );
        let service = caller(&["service"], Some(&[]));
        let bob: Subject = "bob".parse().unwrap();
        let writer = caller(&["rooms:write"], None);
        assert_eq!(writer.may_create(&lobby, Some(&bob)), Err(Denied::Owner));
        assert_eq!(writer.may_create(&lobby, Some(&writer.subject)), Ok(()));
        assert_eq!(service.may_create(&lobby, Some(&bob)), Ok(()));
        for kind in [PostKind::Gift, PostKind::Control, PostKind::Like] {
            assert_eq!(service.may_publish(&lobby, kind, true), Ok(()));
        }
    }

    #[test]
    fn a_token_is_good_for_its_rooms_only() {
        let some = caller(
            &["publish", "rooms:write", "moderate"],
            Some(&["demo.*", "x"]),
        );
        for covered in ["demo.a", "demo.", "x"] {
            assert_eq!(some.may_read(&room(covered)), Ok(()));
            assert_eq!(some.may_create(&room(covered), None), Ok(()));
        }
        for other in ["demo", "xy", "other.demo.a"] {
            let denied = Denied::Room(room(other));
            assert_eq!(some.may_read(&room(other)), Err(denied.clone()));
            assert_eq!(
                some.may_publish(&room(other), PostKind::Chat, false),
                Err(denied.clone())
            );
            assert_eq!(some.changes(&room(other)), Err(denied.clone()));
            assert_eq!(some.moderates(&room(other)), Err(denied));
        }
        assert!(caller(&[], Some(&[])).may_read(&room("x")).is_err());
    }

    #[test]
    fn owners_act_on_their_own_rooms() {
        let lobby = room("demo.lobby");
        let plain = caller(&["publish"], None);
        assert_eq!(plain.changes(&lobby), Ok(Acts::AsOwner));
        assert_eq!(plain.moderates(&lobby), Ok(Acts::AsModerator));
        let helpers = ["alice".to_owned()];
        assert!(
            plain.is_moderator(&lobby, "alice", &[]) && !plain.is_moderator(&lobby, "bob", &[])
        );
        assert!(plain.is_moderator(&lobby, "bob", &helpers));
        let moderator = caller(&["moderate"], None);
        assert_eq!(moderator.moderates(&lobby), Ok(Acts::ByScope));
        assert_eq!(moderator.changes(&lobby), Ok(Acts::AsOwner));
        assert!(moderator.is_moderator(&lobby, "bob", &[]));
        assert_eq!(
            plain.may_create(&lobby, None),
            Err(Denied::Scope(Scope::RoomsWrite))
        );
    }

    #[test]
    fn reserved_rooms_are_services_and_their_subjects() {
        let everything = caller(&["publish", "rooms:write", "moderate"], None);
        let service = caller(&["service"], None);
        for reserved in ["~bob", "!all"] {
            let id = room(reserved);
            let denied = Denied::Reserved(id.clone());
            assert_eq!(everything.may_read(&id), Err(denied.clone()));
            assert_eq!(
                everything.may_publish(&id, PostKind::Chat, false),
                Err(denied.clone())
            );
            assert_eq!(everything.moderates(&id), Err(denied.clone()));
            assert_eq!(service.may_create(&id, None), Err(denied.clone()));
            assert_eq!(service.changes(&id), Err(denied));
            assert_eq!(service.may_publish(&id, PostKind::Control, false), Ok(()));
            assert_eq!(service.moderates(&id), Ok(Acts::ByScope));
        }
        assert_eq!(caller(&[], Some(&[])).may_read(&room("~alice")), Ok(()));
    }
}
