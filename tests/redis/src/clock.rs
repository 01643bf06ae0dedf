//! A clock that a test can set, by libfaketime.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Sets what one server takes for the time.
pub(crate) struct SetClock {
    library: PathBuf,
    file: PathBuf,
}

impl SetClock {
    /// A clock that goes right until it is set, kept in a file of this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        let clock = Self {
            library: library(),
            file: folder.join("clock"),
        };
        clock.set("+0");
        clock
    }

    /// `+S` or `-S`: so many seconds from the true time. Seconds since 1970: standing still there.
    pub(crate) fn set(&self, time: &str) {
        // Renamed into place, so that the server never reads half of it.
        let new = self.file.with_extension("new");
        std::fs::write(&new, time).expect("the data folder can be written");
        std::fs::rename(&new, &self.file).expect("the data folder can be written");
    }

    /// What the server must be started with. Its timers go on by the true clock.
    pub(crate) fn environment(&self) -> [(&'static str, OsString); 5] {
        // libc is named after it so that its malloc comes before jemalloc's, which asks for the time while it sets itself
        // up, and so waits for itself.
        let mut libraries = self.library.clone().into_os_string();
        libraries.push(":libc.so.6");
        [
            ("LD_PRELOAD", libraries),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone().into()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_FMT", "%s".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }
}

fn library() -> PathBuf {
    std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("faketime/libfaketime.so.1"))
        .find(|path| path.exists())
        .expect("this test sets Redis' clock and needs libfaketime: apt-get install libfaketime")
}
