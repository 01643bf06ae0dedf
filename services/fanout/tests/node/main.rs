//! The node as a process: over a real Redis, published to straight by the functions, watched by an independent WebSocket
//! client.

mod at_once;
mod away;
mod balanced;
mod bench;
mod crowd;
mod demo;
mod encodings;
mod events;
mod lanes;
mod live;
mod probes;
mod refused;
mod regions;
mod resume;
mod sent_away;
mod stop;
mod tailed;
mod tls;
mod unhurried;
