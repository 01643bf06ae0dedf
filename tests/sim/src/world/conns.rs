//! Connections between a node and its viewers: frames arrive in order, or the connection breaks.

use tidegate_hub::{Frame, Offered, Sink, SubRef, ViewerKey};

pub(super) struct Conn {
    /// Whose.
    pub(super) viewer: usize,
    pub(super) sub: Option<SubRef>,
    /// Frames that have not arrived.
    pub(super) in_flight: usize,
    /// It is blocked, and keeps a frame that it has not written yet.
    pub(super) blocked: bool,
    /// The node takes it for ended.
    pub(super) ended: bool,
    /// The viewer is gone: nothing arrives any more.
    pub(super) cut: bool,
    /// When the last of them arrives.
    pub(super) arrives_ms: u64,
}

/// All that a node ever had; a number is not used again.
pub(super) struct Conns {
    pub(super) list: Vec<Conn>,
    pub(super) window: usize,
    /// Frames to be sent off.
    pub(super) out: Vec<(ViewerKey, Frame)>,
}

impl Conns {
    pub(super) fn new(window: usize) -> Self {
        Self {
            list: Vec::new(),
            window,
            out: Vec::new(),
        }
    }

    pub(super) fn open(&mut self, viewer: usize) -> ViewerKey {
        self.list.push(Conn {
            viewer,
            sub: None,
            in_flight: 0,
            blocked: false,
            ended: false,
            cut: false,
            arrives_ms: 0,
        });
        self.list.len() as u32 - 1
    }

    pub(super) fn get(&mut self, key: ViewerKey) -> &mut Conn {
        &mut self.list[key as usize]
    }
}

impl Sink for Conns {
    fn offer(&mut self, viewer: ViewerKey, frame: &Frame) -> Offered {
        let window = self.window;
        let conn = self.get(viewer);
        if conn.ended {
            return Offered::Gone;
        }
        if conn.blocked {
            return Offered::Refused;
        }
        conn.in_flight += 1;
        conn.blocked = conn.in_flight >= window;
        let offered = if conn.blocked {
            Offered::Kept
        } else {
            Offered::Sent
        };
        self.out.push((viewer, frame.clone()));
        offered
    }
}
