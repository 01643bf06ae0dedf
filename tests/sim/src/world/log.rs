//! The log of events, as lines or as their hash.

use std::fmt::{self, Write};

pub(super) struct Log {
    lines: Option<Vec<String>>,
    hash: u64,
    line: String,
}

impl Log {
    pub(super) fn new(keep: bool) -> Self {
        Self {
            lines: keep.then(Vec::new),
            // FNV-1a.
            hash: 0xcbf2_9ce4_8422_2325,
            line: String::new(),
        }
    }

    pub(super) fn add(&mut self, at_ms: u64, what: fmt::Arguments<'_>) {
        self.line.clear();
        // Writing to a string does not fail.
        let _ = write!(self.line, "{at_ms:>6} {what}");
        for byte in self.line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(self.line.clone());
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn lines(&mut self) -> Vec<String> {
        self.lines.take().unwrap_or_default()
    }
}
