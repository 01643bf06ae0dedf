//! What passes between a viewer and a node: the WebSocket codec, the HTTP upgrade, frames, server-sent events, close
//! codes and limits.
//!
//! All of it is pure: bytes in, bytes out, no sockets, no clock. `docs/protocol.md` describes it, and the tests hold
//! that document to it.

pub mod close;
pub mod frames;
pub mod level;
pub mod limits;
pub mod sse;
pub mod upgrade;
pub mod ws;

pub use close::CloseCode;

#[cfg(test)]
fn doc_table(section: &str) -> Vec<Vec<String>> {
    let doc = include_str!("../../../docs/protocol.md");
    let title = format!("## {section}\n");
    let (_, rest) = doc.split_once(&title).expect("the section is there");
    let section = rest.split("\n## ").next().unwrap_or(rest);
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .skip(1)
        .map(|row| {
            row.split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}
