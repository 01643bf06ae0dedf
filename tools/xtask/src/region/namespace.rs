//! What commands about namespaces take, and how their files are read.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use tidegate_stream::RoomId;

use super::Place;
use crate::settings::Settings;
use crate::up::resp::Connection;

/// A namespace in the Redis of one region.
#[derive(Debug, Clone, clap::Args)]
pub struct Namespace {
    /// What precedes the first `.` of a room's id; `default` for rooms without one.
    #[arg(value_name = "NAMESPACE")]
    pub name: String,
    /// Which Redis.
    #[command(flatten)]
    pub place: Place,
}

impl Namespace {
    /// Connects to its Redis.
    ///
    /// # Errors
    /// When it cannot be the namespace of a room, and as [`Place::open`].
    pub fn open(&self, settings: &Settings) -> Result<Connection> {
        let name = &self.name;
        let room: RoomId = format!("{name}.room")
            .parse()
            .with_context(|| format!("{name:?} is no namespace"))?;
        ensure!(
            room.namespace() == name,
            "{name:?} is no namespace: it ends before the first `.` of a room's id"
        );
        self.place.open(settings)
    }
}

/// Reads a file of text; `what` names what is in it.
///
/// # Errors
/// When it cannot be read, is no text, or larger than that.
pub fn read_text(file: &Path, what: &str, most_bytes: usize) -> Result<String> {
    let size = fs::metadata(file)
        .with_context(|| format!("{} cannot be read", file.display()))?
        .len();
    ensure!(
        size <= most_bytes as u64,
        "{}: {what} are {most_bytes} bytes at most",
        file.display()
    );
    fs::read_to_string(file).with_context(|| format!("{} cannot be read as text", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn a_namespace_is_a_beginning_of_room_ids() {
        let settings = Settings::load(&Workspace::find().unwrap()).unwrap();
        let said = |name: &str| {
            let namespace = Namespace {
                name: name.to_owned(),
                place: Place::at("redis://127.0.0.1:1"),
            };
            format!("{:#}", namespace.open(&settings).err().unwrap())
        };
        for good in ["demo", "default", "A-1_b"] {
            assert!(said(good).contains("no Redis answers"), "{good}");
        }
        for bad in ["", "a.b", "~a", "!all", "a b", &"x".repeat(64)] {
            assert!(said(bad).contains("is no namespace"), "{bad:?}");
        }
    }
}
