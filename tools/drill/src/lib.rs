//! What drills measure with: questions to a name server.

pub mod dns;
