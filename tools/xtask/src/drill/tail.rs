//! The end of what a Redis wrote, cut off: what a machine that lost its power has lost, and a killed process never loses, since
//! the kernel has what it wrote.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Below Redis' folder: its append-only file in parts, and the list of them (Redis 7).
const FOLDER: &str = "appendonlydir";
const MANIFEST: &str = "appendonly.aof.manifest";
/// So much of the first command behind a cut stays when it is torn: less than any command has.
const TORN_BYTES: u64 = 5;

/// A place in the file that grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    path: PathBuf,
    bytes: u64,
}

/// Where the append-only file of a Redis ends now.
///
/// # Errors
/// When there is none.
pub fn mark(redis: &Path) -> Result<Mark> {
    let folder = redis.join(FOLDER);
    let manifest = folder.join(MANIFEST);
    let text = fs::read_to_string(&manifest)
        .with_context(|| format!("{} cannot be read", manifest.display()))?;
    let name = growing(&text)
        .with_context(|| format!("{} names no file that grows", manifest.display()))?;
    let path = folder.join(name);
    let bytes = path.metadata()?.len();
    Ok(Mark { path, bytes })
}

/// The last part of type `i`, for incremental: `file NAME seq N type i`.
fn growing(manifest: &str) -> Option<&str> {
    let mut found = None;
    for line in manifest.lines() {
        if let ["file", name, "seq", _, "type", "i"] = line.split(' ').collect::<Vec<_>>()[..] {
            found = Some(name);
        }
    }
    found
}

impl Mark {
    /// Cuts off what the Redis, which has ended, wrote after the mark; torn: in the midst of a command, which
    /// `aof-load-truncated` leaves out. Gives how many bytes that is.
    ///
    /// # Errors
    /// When it has begun another file since, or wrote nothing.
    pub fn cut(&self, redis: &Path, torn: bool) -> Result<u64> {
        let now = mark(redis)?;
        ensure!(
            now.path == self.path,
            "Redis began to rewrite its file just then: run the drill again"
        );
        let left = self.bytes + if torn { TORN_BYTES } else { 0 };
        ensure!(
            now.bytes > left,
            "Redis wrote nothing that could be lost: take a higher --rate or --tail-ms"
        );
        let file = File::options().write(true).open(&self.path)?;
        file.set_len(left)
            .with_context(|| format!("{} cannot be cut", self.path.display()))?;
        Ok(now.bytes - left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_grows_is_cut_at_a_mark_or_behind_it() {
        let redis = std::env::temp_dir().join(format!("tidegate-tail-{}", std::process::id()));
        let folder = redis.join(FOLDER);
        fs::create_dir_all(&folder).unwrap();
        mark(&redis).unwrap_err();
        let manifest = "file appendonly.aof.2.base.rdb seq 2 type b\nfile a.aof seq 1 type h\n\
                        file b.aof seq 2 type i\n";
        fs::write(folder.join(MANIFEST), manifest).unwrap();
        let file = folder.join("b.aof");
        fs::write(&file, "*1\r\n$4\r\nPING\r\n").unwrap();
        let kept = mark(&redis).unwrap();
        assert_eq!(kept.bytes, 14);
        let nothing = kept.cut(&redis, false).unwrap_err().to_string();
        assert!(nothing.contains("wrote nothing"), "{nothing}");
        for (torn, left) in [(false, 14), (true, 19)] {
            fs::write(&file, "*1\r\n$4\r\nPING\r\n".repeat(2)).unwrap();
            assert_eq!(kept.cut(&redis, torn).unwrap(), 28 - left);
            assert_eq!(file.metadata().unwrap().len(), left);
        }
        let other = manifest.replace("b.aof", "c.aof");
        fs::write(folder.join(MANIFEST), other).unwrap();
        fs::write(folder.join("c.aof"), "x").unwrap();
        let moved = kept.cut(&redis, false).unwrap_err().to_string();
        assert!(moved.contains("rewrite"), "{moved}");
        fs::remove_dir_all(&redis).unwrap();
    }
}
