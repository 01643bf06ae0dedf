//! Tickets: the right to read one room as one subject. Their form is in `docs/protocol.md`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tidegate_stream::{RoomId, Subject};

use crate::keys::{Algorithm, KeySet, KeySetError};
use crate::limits::{TICKET_BYTES, TICKET_KID_BYTES, TICKET_LIFE_MS};
use crate::token_hash::TokenHash;

/// What a ticket grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The room that may be read.
    pub room: RoomId,
    /// As whom.
    pub subject: Subject,
    /// The hash of the `jti` of the token that it was given for.
    pub token: Option<TokenHash>,
    /// Whether the subject moderates the room.
    pub moderator: bool,
    /// When it lapses, in ms since the epoch.
    pub expires_ms: u64,
}

/// Why a ticket was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketRefusal {
    /// Not a ticket: the wrong form, or over 768 bytes.
    #[error("the ticket is malformed")]
    Malformed,
    /// No ticket key has its `kid`.
    #[error("the ticket's key is not known")]
    UnknownKid,
    /// Not signed by its key.
    #[error("the ticket is forged")]
    BadMac,
    /// Lapsed.
    #[error("the ticket has lapsed")]
    Expired,
    /// For another room.
    #[error("the ticket is for another room")]
    WrongRoom,
}

/// The keys of tickets, shared by all regions. Each holds the state of HMAC after its key, so a check costs two blocks of
/// SHA-256 less.
#[derive(Debug, Clone)]
pub struct TicketKeys(KeySet);

/// The payload, borrowed from where it was decoded. Members that are not known are skipped.
#[derive(Serialize, Deserialize)]
struct Payload<'a> {
    r: &'a str,
    s: &'a str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    j: Option<&'a str>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    m: bool,
    e: u64,
}

const VERSION: &str = "t1";

impl TicketKeys {
    /// Takes a key set for tickets.
    ///
    /// # Errors
    /// If a key's `kid` is not 1 to 32 of `[A-Za-z0-9_-]`, or the key is not for HS256.
    pub fn new(set: KeySet) -> Result<Self, KeySetError> {
        for (index, key) in set.iter().enumerate() {
            let sign = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
            let kid = key.kid().as_str();
            let reason = if kid.len() > TICKET_KID_BYTES || !kid.bytes().all(sign) {
                "the `kid` of a ticket key is 1 to 32 of A-Z a-z 0-9 _ -"
            } else if key.algorithm() != Algorithm::Hs256 {
                "a ticket key is an `oct` key for HS256"
            } else if key.sign(b"").is_none() {
                "a ticket key must be allowed to sign: leave `key_ops` out"
            } else {
                continue;
            };
            return Err(KeySetError::Key {
                number: index + 1,
                kid: Some(key.kid().clone()),
                reason: reason.to_owned(),
            });
        }
        Ok(Self(set))
    }

    /// Reads a JWK Set of ticket keys.
    ///
    /// # Errors
    /// As [`KeySet::parse`] and [`TicketKeys::new`].
    pub fn parse(text: &str) -> Result<Self, KeySetError> {
        Self::new(KeySet::parse(text)?)
    }

    /// Whether any key is one of the published examples.
    pub fn is_example(&self) -> bool {
        self.0.is_example()
    }

    /// The keys' names, the first being the one that signs.
    pub fn kids(&self) -> Vec<&str> {
        self.0.iter().map(|key| key.kid().as_str()).collect()
    }

    /// Signs a ticket with the first key.
    pub fn sign(&self, grant: &Grant) -> String {
        let payload = Payload {
            r: grant.room.as_str(),
            s: grant.subject.as_str(),
            j: grant.token.as_ref().map(TokenHash::as_str),
            m: grant.moderator,
            e: grant.expires_ms,
        };
        let key = self.0.first();
        let mut ticket = format!("{VERSION}.{}.", key.kid().as_str());
        let payload =
            serde_json::to_vec(&payload).expect("texts, a flag and a number always become JSON");
        URL_SAFE_NO_PAD.encode_string(payload, &mut ticket);
        let mac = key
            .sign(ticket.as_bytes())
            .expect("`new` takes no key that cannot sign");
        ticket.push('.');
        URL_SAFE_NO_PAD.encode_string(mac, &mut ticket);
        ticket
    }

    /// Verifies a ticket for a room. The signature is judged before anything that it covers.
    ///
    /// # Errors
    /// [`TicketRefusal`].
    pub fn verify(&self, ticket: &str, room: &RoomId, now_ms: u64) -> Result<Grant, TicketRefusal> {
        if ticket.len() > TICKET_BYTES {
            return Err(TicketRefusal::Malformed);
        }
        let mut buffer = [0; TICKET_BYTES];
        let (signed, mac) = ticket.rsplit_once('.').ok_or(TicketRefusal::Malformed)?;
        let mut parts = signed.split('.');
        let (Some(VERSION), Some(kid), Some(payload), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TicketRefusal::Malformed);
        };
        let key = self.0.find(kid).ok_or(TicketRefusal::UnknownKid)?;
        let mac = decode(mac, &mut buffer)?;
        if !key.verifies(signed.as_bytes(), mac) {
            return Err(TicketRefusal::BadMac);
        }
        let payload: Payload<'_> = serde_json::from_slice(decode(payload, &mut buffer)?)
            .map_err(|_| TicketRefusal::Malformed)?;
        if now_ms >= payload.e {
            return Err(TicketRefusal::Expired);
        }
        if payload.r != room.as_str() {
            return Err(TicketRefusal::WrongRoom);
        }
        Ok(Grant {
            room: room.clone(),
            subject: payload.s.parse().map_err(|_| TicketRefusal::Malformed)?,
            token: payload
                .j
                .map(str::parse)
                .transpose()
                .map_err(|_| TicketRefusal::Malformed)?,
            moderator: payload.m,
            expires_ms: payload.e,
        })
    }
}

fn decode<'b>(text: &str, buffer: &'b mut [u8; TICKET_BYTES]) -> Result<&'b [u8], TicketRefusal> {
    let length = URL_SAFE_NO_PAD
        .decode_slice(text, buffer)
        .map_err(|_| TicketRefusal::Malformed)?;
    Ok(&buffer[..length])
}

/// When a ticket given now lapses, in ms since the epoch: in an hour, and never after the token.
pub fn lapses_ms(now_ms: u64, token_expires_ms: Option<u64>) -> u64 {
    (now_ms + TICKET_LIFE_MS).min(token_expires_ms.unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "ticket_tests.rs"]
mod tests;
