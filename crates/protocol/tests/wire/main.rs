//! What lies on the wire: the codec, the frames, the upgrade.

mod cbor;
mod deflate_rules;
mod doc;
mod frames;
mod sample;
mod support;
mod upgrade;
mod ws_peer;
mod ws_rules;
mod ws_split;
