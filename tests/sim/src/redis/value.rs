//! What a key holds.

use super::stream::Stream;

/// The value of a key.
#[derive(Debug, Clone)]
pub enum Value {
    /// Bytes.
    Text(Vec<u8>),
    /// Fields and values, in the order in which they came.
    Hash(Vec<(Vec<u8>, Vec<u8>)>),
    /// Members by score, then by name.
    Sorted(Vec<(f64, Vec<u8>)>),
    /// Entries by id.
    Stream(Stream),
}

impl Value {
    /// Whether Redis removes the key. An empty stream stays.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Hash(fields) => fields.is_empty(),
            Self::Sorted(members) => members.is_empty(),
            Self::Text(_) | Self::Stream(_) => false,
        }
    }
}

/// The value of a field.
pub fn field<'a>(fields: &'a [(Vec<u8>, Vec<u8>)], name: &[u8]) -> Option<&'a Vec<u8>> {
    fields
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value)
}

/// Sets a field; whether it is new.
pub fn set_field(fields: &mut Vec<(Vec<u8>, Vec<u8>)>, name: &[u8], value: Vec<u8>) -> bool {
    match fields.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => {
            *old = value;
            false
        }
        None => {
            fields.push((name.to_vec(), value));
            true
        }
    }
}

/// Puts a member in its place.
pub fn set_member(members: &mut Vec<(f64, Vec<u8>)>, score: f64, name: Vec<u8>) {
    members.retain(|(_, known)| *known != name);
    let at = members
        .partition_point(|(other, known)| (*other, known.as_slice()) < (score, name.as_slice()));
    members.insert(at, (score, name));
}

/// A score as Redis writes it; those of the library are whole.
pub fn score_text(score: f64) -> Vec<u8> {
    format!("{score}").into_bytes()
}
