//! The radix tree: paths that begin alike share what they have in common.
//!
//! A lookup in thousands of routes is a walk through memory that no cache holds, so a node keeps all that is asked of it
//! together: its bytes and the first bytes of its children lie in it and not behind pointers.

use crate::limits::PARAMS;
use crate::pattern::Part;

/// Bytes that lie in a node. What is longer is a chain of nodes.
const INLINE: usize = 15;

/// Where something lies in a list that the tree's owner keeps.
pub(crate) type Place = u32;

/// One node: the bytes that lead to it from its parent, and what may follow.
#[derive(Debug, Default)]
pub(crate) struct Node {
    prefix: Short,
    /// First byte of each of the first children's prefixes, so that choosing among them reads nothing else.
    firsts: Short,
    children: Vec<Node>,
    /// What follows a parameter that begins here.
    param: Option<Box<Node>>,
    wildcard: Option<Place>,
    leaf: Option<Place>,
}

/// A few bytes in place.
#[derive(Debug, Default, Clone, Copy)]
struct Short {
    len: u8,
    bytes: [u8; INLINE],
}

impl Short {
    /// As many of the bytes as there is room for.
    fn of(bytes: &[u8]) -> Self {
        let mut short = Self::default();
        for &byte in bytes.iter().take(INLINE) {
            short.push(byte);
        }
        short
    }

    /// Adds a byte if there is room for it.
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(usize::from(self.len)) {
            *slot = byte;
            self.len += 1;
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The raw segments that parameters took, in the order of the route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken<'p> {
    raw: [&'p str; PARAMS],
    len: usize,
}

impl<'p> Taken<'p> {
    pub(crate) fn new() -> Self {
        Self {
            raw: [""; PARAMS],
            len: 0,
        }
    }

    fn push(&mut self, raw: &'p str) {
        // A route has at most PARAMS parameters, and every parameter on the way down belongs to one route.
        if let Some(slot) = self.raw.get_mut(self.len) {
            *slot = raw;
        }
        self.len += 1;
    }

    fn pop(&mut self) {
        self.len -= 1;
    }

    pub(crate) fn get(&self, index: usize) -> Option<&'p str> {
        self.raw[..self.len.min(PARAMS)].get(index).copied()
    }
}

impl Node {
    /// The place where a route ends, made if it is not there.
    pub(crate) fn place(&mut self, parts: &[Part<'_>]) -> &mut Option<Place> {
        match parts {
            [] => &mut self.leaf,
            [Part::Literal(text), rest @ ..] => self.child(text.as_bytes()).place(rest),
            [Part::Param(_), rest @ ..] => self.param.get_or_insert_default().place(rest),
            [Part::Wildcard(_), ..] => &mut self.wildcard,
        }
    }

    /// The node that lies `text` below, made if it is not there.
    fn child(&mut self, text: &[u8]) -> &mut Node {
        let Some(&first) = text.first() else {
            return self;
        };
        let index = self.index_of(first).unwrap_or_else(|| {
            self.firsts.push(first);
            self.children.push(Node {
                prefix: Short::of(text),
                ..Node::default()
            });
            self.children.len() - 1
        });
        let child = &mut self.children[index];
        let shared = shared_len(child.prefix.as_slice(), text);
        if shared < child.prefix.as_slice().len() {
            child.split(shared);
        }
        child.child(&text[shared..])
    }

    /// Cuts a node in two: `at` bytes stay, the rest goes into an only child.
    fn split(&mut self, at: usize) {
        let (before, after) = self.prefix.as_slice().split_at(at);
        let upper = Node {
            prefix: Short::of(before),
            firsts: Short::of(&after[..1]),
            ..Node::default()
        };
        let rest = Short::of(after);
        let mut lower = std::mem::replace(self, upper);
        lower.prefix = rest;
        self.children.push(lower);
    }

    /// Which child begins with a byte. Those that there was no room for in `firsts` are asked themselves.
    fn index_of(&self, first: u8) -> Option<usize> {
        let firsts = self.firsts.as_slice();
        if let Some(index) = firsts.iter().position(|&byte| byte == first) {
            return Some(index);
        }
        let others = self.children.get(firsts.len()..)?;
        let index = others
            .iter()
            .position(|child| child.prefix.bytes[0] == first)?;
        Some(firsts.len() + index)
    }

    /// The place that `path` leads to from byte `at` on. Each node is visited once at most, so a lookup is bounded by the
    /// tree.
    ///
    /// Prefixes are compared as bytes, and a cut may lie inside a character; but no parameter begins inside a segment, so
    /// whatever is taken from the path is whole characters.
    pub(crate) fn find<'p>(
        &self,
        path: &'p str,
        at: usize,
        taken: &mut Taken<'p>,
    ) -> Option<Place> {
        let rest = path.as_bytes()[at..].strip_prefix(self.prefix.as_slice())?;
        let Some(&first) = rest.first() else {
            return self.leaf.or_else(|| {
                let wildcard = self.wildcard?;
                taken.push("");
                Some(wildcard)
            });
        };
        let at = path.len() - rest.len();
        if let Some(index) = self.index_of(first)
            && let Some(place) = self.children[index].find(path, at, taken)
        {
            return Some(place);
        }
        self.find_params(path, at, taken)
    }

    fn find_params<'p>(&self, path: &'p str, at: usize, taken: &mut Taken<'p>) -> Option<Place> {
        if let Some(param) = &self.param {
            let rest = &path.as_bytes()[at..];
            let end = rest
                .iter()
                .position(|&byte| byte == b'/')
                .unwrap_or(rest.len());
            if end > 0 {
                taken.push(path.get(at..at + end)?);
                if let Some(place) = param.find(path, at + end, taken) {
                    return Some(place);
                }
                taken.pop();
            }
        }
        let wildcard = self.wildcard?;
        taken.push(path.get(at..)?);
        Some(wildcard)
    }
}

fn shared_len(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}
