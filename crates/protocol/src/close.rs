//! Close codes: one table for the parser, the engine and the documentation.

/// Why a socket is closed. `docs/protocol.md` has the same table; a test compares the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{} {}", self.code(), self.reason())]
pub enum CloseCode {
    /// The client's own close, answered.
    Normal,
    /// RFC 6455 was broken.
    ProtocolError,
    /// A binary message on the JSON sub-protocol, or a text message on the binary one.
    WrongType,
    /// A text that is not UTF-8, or a compressed message that cannot be inflated.
    BadData,
    /// A message over [`MESSAGE_BYTES`](crate::limits::MESSAGE_BYTES).
    TooBig,
    /// A fault of the node.
    Internal,
    /// The node stops.
    Restart,
    /// Not a frame of the protocol.
    BadFrame,
    /// A frame before `hello`, or a second `hello`.
    HelloFirst,
    /// A service ended all sockets of this subject.
    Disconnected,
    /// No `hello` within [`HELLO_MS`](crate::limits::HELLO_MS).
    HelloTimeout,
    /// A cursor that cannot be one.
    BadCursor,
    /// Nothing received for [`IDLE_MS`](crate::limits::IDLE_MS).
    Idle,
    /// The ring no longer reaches back to where the viewer stands.
    TooSlow,
    /// Over [`FRAMES_PER_SECOND`](crate::limits::FRAMES_PER_SECOND).
    TooManyFrames,
}

impl CloseCode {
    /// All of them, by code.
    pub const ALL: [Self; 15] = [
        Self::Normal,
        Self::ProtocolError,
        Self::WrongType,
        Self::BadData,
        Self::TooBig,
        Self::Internal,
        Self::Restart,
        Self::BadFrame,
        Self::HelloFirst,
        Self::Disconnected,
        Self::HelloTimeout,
        Self::BadCursor,
        Self::Idle,
        Self::TooSlow,
        Self::TooManyFrames,
    ];

    /// The status code that goes into the close frame.
    pub const fn code(self) -> u16 {
        self.row().0
    }

    /// The reason that goes into the close frame; empty for [`CloseCode::Normal`].
    pub const fn reason(self) -> &'static str {
        self.row().1
    }

    /// When it is sent, as the documentation says it.
    pub const fn when(self) -> &'static str {
        self.row().2
    }

    const fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Normal => (1000, "", "the client's own close, answered"),
            Self::ProtocolError => (
                1002,
                "protocol_error",
                "RFC 6455 was broken: unmasked frame, reserved bits, bad opcode, bad control frame",
            ),
            Self::WrongType => (
                1003,
                "wrong_type",
                "a binary message on the JSON sub-protocol, or a text message on the binary one",
            ),
            Self::BadData => (
                1007,
                "bad_data",
                "a text message that is not UTF-8, or a compressed one that cannot be inflated",
            ),
            Self::TooBig => (1009, "too_big", "a message over 16 KiB"),
            Self::Internal => (1011, "internal", "a fault of the node"),
            Self::Restart => (
                1012,
                "restart",
                "the node stops; connect to another endpoint",
            ),
            Self::BadFrame => (
                4400,
                "bad_frame",
                "not JSON or CBOR, not an object, unknown `type`, missing or wrong field",
            ),
            Self::HelloFirst => (
                4401,
                "hello_first",
                "a frame before `hello`, or a second `hello`",
            ),
            Self::Disconnected => (
                4403,
                "disconnected",
                "a service ended all sockets of this subject",
            ),
            Self::HelloTimeout => (4408, "hello_timeout", "no `hello` within 5 s"),
            Self::BadCursor => (
                4409,
                "bad_cursor",
                "malformed, more than 16 components, or more than an hour ahead",
            ),
            Self::Idle => (4410, "idle", "nothing received for 60 s"),
            Self::TooSlow => (
                4411,
                "too_slow",
                "the ring no longer reaches back; resume with the last cursor",
            ),
            Self::TooManyFrames => (4429, "too_many_frames", "over 50 frames in a second"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc_table;

    #[test]
    fn documentation_has_this_table() {
        let rows: Vec<Vec<String>> = CloseCode::ALL
            .iter()
            .map(|c| {
                let reason = match c.reason() {
                    "" => "–".to_owned(),
                    reason => format!("`{reason}`"),
                };
                vec![c.code().to_string(), reason, c.when().to_owned()]
            })
            .collect();
        assert_eq!(doc_table("Close codes"), rows);
    }

    #[test]
    fn reasons_fit_a_close_frame() {
        for code in CloseCode::ALL {
            assert!(
                code.reason().len() + 2 <= crate::limits::CONTROL_BYTES,
                "{code}"
            );
        }
    }
}
