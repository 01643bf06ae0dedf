//! Every bound of the host in one place.
//!
//! Memory: an instance may hold [`MAX_MEMORY_BYTES`] over all of its components, and at most [`MAX_CONCURRENT`] instances
//! work at once (one each, when none is shared), so the worst case is 128 x 128 MiB = 16 GiB of address space that guests
//! would have to fill on purpose; reused instances serve [`REQUESTS_AT_ONCE`] requests each, which makes 8 x 128 MiB = 1 GiB
//! the usual ceiling. Request bodies add [`MAX_CONCURRENT`] x [`MAX_BODY_BYTES`] = 128 MiB, heads
//! [`MAX_CONNECTIONS`] x [`MAX_HEAD_BYTES`] = 64 MiB, outbound HTTP [`HTTP_CONNECTIONS`] x [`HTTP_HEAD_BYTES`] = 32 MiB.
//!
//! Time: a publisher hears within two seconds that Redis is gone, because
//! [`REDIS_CONNECT_TIMEOUT`] + [`REDIS_RESPONSE_TIMEOUT`] = 500 ms + 1,200 ms = 1,700 ms.

use std::time::Duration;

/// Bytes of linear memory one instance may hold, all its composed components together. What edge clouds commonly give.
pub const MAX_MEMORY_BYTES: usize = 128 << 20;
/// Table elements one instance may hold, all tables together.
pub const MAX_TABLE_ELEMENTS: usize = 200_000;
/// Host resources (streams, headers, connections …) one instance may hold.
pub const MAX_RESOURCES: usize = 10_000;
/// Milliseconds a request may take from its first byte at the guest to the last byte of its answer.
pub const REQUEST_TIMEOUT_MS: u64 = 30_000;
/// Requests at work in guests at once; one more gets 503.
pub const MAX_CONCURRENT: usize = 128;
/// Requests an instance serves before it is dropped, as in Spin.
pub const REQUESTS_AN_INSTANCE: usize = 128;
/// Requests an instance serves at once, as in Spin.
pub const REQUESTS_AT_ONCE: usize = 16;
/// How long a request may wait to be taken by an instance until the next one is offered, which may start another instance.
pub const HAND_OVER: Duration = Duration::from_millis(50);
/// How long an idle instance is kept, as in Spin.
pub const IDLE_INSTANCE: Duration = Duration::from_secs(1);
/// How often a busy guest is interrupted, so that its time limit can be looked at.
pub const EPOCH: Duration = Duration::from_millis(10);

/// How long a guest may compute without asking the host for anything or being given a request; after it the instance is
/// ended. Counted in [`EPOCH`]s of its own work, so that a busy machine ends nobody. What a request of this app computes
/// takes milliseconds.
pub const COMPUTE: Duration = Duration::from_secs(3);

/// Open connections; further ones wait in the kernel's backlog.
pub const MAX_CONNECTIONS: usize = 4_096;
/// Bytes of a request's line and headers together; more is 431. Also the size of a connection's read buffer.
pub const MAX_HEAD_BYTES: usize = 16 << 10;
/// Headers of one request; more is 431.
pub const MAX_HEADERS: usize = 64;
/// How long a client may take to send a request's head, and how long a kept connection may be idle.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's body; more is 413.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// How long a client may pause within a body.
pub const BODY_PAUSE: Duration = Duration::from_secs(10);
/// How long a client may leave an answer unread before its connection is closed.
pub const UNREAD: Duration = Duration::from_secs(30);
/// How long requests in flight may still take once the host is told to stop.
pub const DRAIN: Duration = Duration::from_secs(10);

/// How long opening a Redis connection may take, its greeting included.
pub const REDIS_CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// How long one Redis command may take.
pub const REDIS_RESPONSE_TIMEOUT: Duration = Duration::from_millis(1_200);
/// Redis connections one instance may hold.
pub const REDIS_CONNECTIONS_AN_INSTANCE: usize = 64;
/// Redis connections of the whole host.
pub const REDIS_CONNECTIONS: usize = 1_024;
/// Bytes of one reply, as a guest sees it; Spin's own bound is 128 MiB, which a guest of 128 MiB could not take anyway.
pub const REDIS_REPLY_BYTES: usize = 32 << 20;

/// How long opening an outbound HTTP connection may take, unless the guest says otherwise; waiting for a place included.
pub const HTTP_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the head of an answer may take, unless the guest says otherwise. Its own request is over by then at the latest.
pub const HTTP_FIRST_BYTE_TIMEOUT: Duration = Duration::from_millis(REQUEST_TIMEOUT_MS);
/// How long an answer may pause within its body, unless the guest says otherwise.
pub const HTTP_BETWEEN_BYTES_TIMEOUT: Duration = Duration::from_secs(10);
/// Outbound HTTP connections of the whole host, those that are kept included. A request waits for a place while it connects.
pub const HTTP_CONNECTIONS: usize = 1_024;
/// Idle outbound HTTP connections kept for one host and port.
pub const HTTP_KEPT_CONNECTIONS: usize = 64;
/// How long an idle outbound HTTP connection is kept. Less than servers commonly keep theirs, which is 5 s and more, so that
/// a request seldom meets a connection that the server is just closing.
pub const HTTP_KEPT: Duration = Duration::from_secs(4);
/// How long a connection may take, after its answer was read, to be ready for another request.
pub const HTTP_SETTLE: Duration = Duration::from_secs(1);
/// Bytes of an answer's status line and headers together.
pub const HTTP_HEAD_BYTES: usize = 32 << 10;
/// Headers of an answer.
pub const HTTP_HEADERS: usize = 100;
/// Bytes of an answer's body; it is streamed, never held whole by the host.
pub const HTTP_ANSWER_BYTES: usize = 32 << 20;

/// How long a provider may take to say one variable; Spin sets no bound.
pub const PROVIDER_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a provider's answer: the longest variable is a key set of 16 KiB, and JSON may write six for each.
pub const PROVIDER_ANSWER_BYTES: usize = 128 << 10;

/// Bytes that a guest may write to its output at once.
pub const OUTPUT_BYTES: usize = 64 << 10;
/// Bytes of one line of a guest's output; longer lines are cut into several.
pub const LOG_LINE_BYTES: usize = 4 << 10;

/// Bytes of a file of certificate authorities; a system's whole bundle has about 250 KiB.
pub const MAX_CA_FILE_BYTES: u64 = 4 << 20;

/// Bytes of a manifest.
pub const MAX_MANIFEST_BYTES: u64 = 1 << 20;
/// Bytes of one component file.
pub const MAX_COMPONENT_BYTES: u64 = 64 << 20;
