/**
 * Every bound of the client in one place. Times are in milliseconds.
 */

/** A ping goes out after this long without a frame, until `welcome` names another time. */
export const PING_MS = 10_000;
/** The bounds within which a node's `ping_ms` is believed. */
export const PING_LEAST_MS = 1_000;
export const PING_MOST_MS = 30_000;
/** Nothing heard for this long after a ping is the end of the socket. */
export const PONG_WAIT_MS = 3_000;
/** A node closes after 60 s in which it received nothing, however much it sent: half of that leaves room for a late timer. */
export const SPEAK_MS = 30_000;

/** From `new WebSocket` to its `open`. */
export const CONNECT_WAIT_MS = 5_000;
/**
 * The same for a region that has just given no answer, while there is another region. A viewer who was cut off without a word
 * reads again within 10 s (a ping) + 3 s (its answer) + 0.2 s (spread) + 0.5 s, and the time that the other region takes.
 */
export const HASTY_WAIT_MS = 500;
/** From `hello` to `welcome`. */
export const WELCOME_WAIT_MS = 5_000;
/** From `subscribe` to its answer; then it is sent again. */
export const SUBSCRIBE_WAIT_MS = 10_000;
/** `try_again` asks for a second; up to half as much again spreads the room's viewers. */
export const TRY_AGAIN_MS = 1_000;

/** The first retry after a lost socket waits up to this long, so that a dead node's viewers do not arrive as one. */
export const SPREAD_MS = 200;
/** Back-off: 500 ms, doubled each time, at most 30 s; the half of it at least, the rest at random. */
export const BACKOFF_FIRST_MS = 500;
export const BACKOFF_MOST_MS = 30_000;
/** A socket that lasted this long after `welcome` was a good one: counting begins anew. */
export const STABLE_MS = 5_000;
/** An endpoint that failed is passed over for this long while there is another. */
export const SHUN_MS = 10_000;
/** An endpoint that said `move` or `restart` is going away. */
export const SHUN_MOVED_MS = 60_000;
/** Tries to mend a refused state (a bad cursor, a bad frame, a bad ticket) before it is given up. */
export const MEND_TRIES = 5;

/** A ticket is renewed at this share of its life. */
export const REFRESH_SHARE = 0.8;
/** A ticket lives an hour at most; what a wrong local clock makes of `ticket_expires_ms` is kept between these. */
export const TICKET_LIFE_MOST_MS = 3_600_000;
export const REFRESH_LEAST_MS = 30_000;

/** One HTTP call. */
export const CALL_WAIT_MS = 10_000;
/** An idempotency key is kept for 10 min by the edge; half of that bounds the retries under one key. */
export const PUBLISH_MOST_MS = 300_000;
/** An edge that has answered 503 for this long is taken to be out of reach. */
export const EDGE_PATIENCE_MS = 10_000;
/** An edge out of reach is passed over for this long while there is another. */
export const EDGE_SHUN_MS = 30_000;
/** Messages of one room that wait for the one before them to be answered. */
export const PUBLISH_QUEUE = 32;

/** How long an accepted message of one's own waits for its place in the stream before it is shown ahead of it. */
export const OWN_WAIT_MS = 250;

/** Rooms on one socket, as the node has it. */
export const ROOMS = 32;
/** Endpoints kept of one list. */
export const ENDPOINTS = 32;
/** Ids remembered for each room. A replay holds 500 `chat` and 2,000 `keep` entries for each origin at most. */
export const SEEN = 8_192;
/** Own messages remembered to be compared with what the stream brings. */
export const OWN = 64;
/** Messages that `join` may ask for from before. */
export const HISTORY = 200;
