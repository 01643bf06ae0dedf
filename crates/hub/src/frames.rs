//! What is made once for all viewers of one encoding and level.

use tidegate_protocol::level::HIGHEST;

use crate::encode::{Encoding, Frame};

/// How many levels there are.
pub const LEVELS: usize = HIGHEST as usize + 1;

/// A frame, and what it is without.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) frame: Frame,
    /// Chat messages of its range that its level left out.
    pub(crate) left_out: u64,
}

/// By encoding and level, filled as they are asked for: one is the usual.
#[derive(Debug)]
pub(crate) struct Frames<T>(Vec<(Encoding, u8, T)>);

impl<T> Default for Frames<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Frames<T> {
    pub(crate) fn get(&self, encoding: Encoding, level: u8) -> Option<&T> {
        self.0
            .iter()
            .find(|(known, at, _)| *at == level && *known == encoding)
            .map(|(_, _, made)| made)
    }

    /// Takes the place of what was there.
    pub(crate) fn put(&mut self, encoding: Encoding, level: u8, made: T) {
        let known = self
            .0
            .iter_mut()
            .find(|(known, at, _)| *at == level && *known == encoding);
        match known {
            Some((_, _, place)) => *place = made,
            None => self.0.push((encoding, level, made)),
        }
    }
}
