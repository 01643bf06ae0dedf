//! The radix tree: paths that begin alike share what they have in common.

use crate::limits::PARAMS;
use crate::pattern::Part;

/// One node: the bytes that lead to it from its parent, and what may follow.
#[derive(Debug, Default)]
pub(crate) struct Node {
    prefix: Box<[u8]>,
    /// First byte of each child's prefix, so that choosing a child reads one small array.
    firsts: Vec<u8>,
    children: Vec<Node>,
    /// What follows a parameter that begins here.
    param: Option<Box<Node>>,
    wildcard: Option<usize>,
    leaf: Option<usize>,
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
    pub(crate) fn place(&mut self, parts: &[Part<'_>]) -> &mut Option<usize> {
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
        let Some(index) = self.firsts.iter().position(|&byte| byte == first) else {
            self.firsts.push(first);
            self.children.push(Node {
                prefix: text.into(),
                ..Node::default()
            });
            let index = self.children.len() - 1;
            return &mut self.children[index];
        };
        let child = &mut self.children[index];
        let shared = shared_len(&child.prefix, text);
        if shared < child.prefix.len() {
            child.split(shared);
        }
        child.child(&text[shared..])
    }

    /// Cuts a node in two: `at` bytes stay, the rest goes into an only child.
    fn split(&mut self, at: usize) {
        let upper = Node {
            prefix: self.prefix[..at].into(),
            firsts: vec![self.prefix[at]],
            ..Node::default()
        };
        let mut lower = std::mem::replace(self, upper);
        lower.prefix = lower.prefix[at..].into();
        self.children.push(lower);
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
    ) -> Option<usize> {
        let rest = path.as_bytes()[at..].strip_prefix(&*self.prefix)?;
        let Some(&first) = rest.first() else {
            return self.leaf.or_else(|| {
                let wildcard = self.wildcard?;
                taken.push("");
                Some(wildcard)
            });
        };
        let at = path.len() - rest.len();
        if let Some(index) = self.firsts.iter().position(|&byte| byte == first)
            && let Some(place) = self.children[index].find(path, at, taken)
        {
            return Some(place);
        }
        self.find_params(path, at, taken)
    }

    fn find_params<'p>(&self, path: &'p str, at: usize, taken: &mut Taken<'p>) -> Option<usize> {
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
