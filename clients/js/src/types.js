/**
 * The shapes that cross the client's border. This module holds types only.
 */

/**
 * One message of a room.
 * @typedef {object} Message
 * @property {string} id `region-ms-seq`; unique in all regions.
 * @property {string} kind `chat`, `custom`, `gift`, `control`, or a kind that the service writes (`hide`, `ban`, `state` …).
 * @property {string} lane `chat`, `gift` or `control`.
 * @property {string} sub Who published it.
 * @property {any} [info] What the publisher's token says about them.
 * @property {any} [data] The message itself; absent when hidden.
 * @property {number} at_ms When it was accepted, ms since 1970.
 * @property {string} [key] The first 16 hex digits of SHA-256 of its idempotency key.
 * @property {boolean} [hidden] A moderator took it back.
 * @property {boolean} [early] An own message, accepted by the edge and shown before the stream has brought it. It stands
 *   ahead of what the stream still brings; whoever needs the stream's order sorts by `compareIds`.
 */

/**
 * @typedef {object} Counters
 * @property {number} online Viewers now.
 * @property {number} likes Likes so far.
 */

/**
 * A room as the edge describes it.
 * @typedef {object} RoomInfo
 * @property {string} id
 * @property {string} title
 * @property {'open' | 'closed'} state
 * @property {'open' | 'token'} access
 * @property {string} [owner]
 * @property {number} [created_ms]
 * @property {number} [slow_ms]
 * @property {number} online
 * @property {number} likes
 */

/**
 * Where a socket may be opened.
 * @typedef {object} Endpoint
 * @property {string} region
 * @property {string} url `ws:` or `wss:`.
 */

/**
 * The answer to a join.
 * @typedef {object} Joined
 * @property {RoomInfo} room
 * @property {string} subject
 * @property {string} ticket
 * @property {number} ticket_expires_ms
 * @property {string} cursor
 * @property {Endpoint[]} endpoints
 */

/**
 * The state of the one socket.
 * @typedef {object} ConnectionState
 * @property {'idle' | 'connecting' | 'open' | 'waiting' | 'closed'} phase
 * @property {Endpoint | null} endpoint The one in use or tried.
 * @property {string} region Of the node that said `welcome`, else empty.
 * @property {string} node The node that said `welcome`, else empty.
 * @property {number} retryAtMs When the next try begins, in `waiting`; else 0.
 * @property {string} reason Why the last socket ended, else empty.
 */

/**
 * @typedef {'joining' | 'subscribing' | 'live' | 'waiting' | 'ended'} RoomPhase
 */

/**
 * A frame from a node. Unknown types and fields are skipped.
 * @typedef {{type: string, room?: string, [field: string]: any}} Frame
 */

/**
 * Time, as a browser has it. Tests bring their own.
 * @typedef {object} Clock
 * @property {() => number} now ms since 1970.
 * @property {(run: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 */

/**
 * @typedef {object} Options
 * @property {string[]} edges Base URLs of the edge, one's own region first.
 * @property {string | (() => string | Promise<string>)} [token] Absent: a guest, who reads only.
 * @property {(endpoints: Endpoint[]) => Endpoint[]} [arrange] Puts socket endpoints into another order.
 * @property {typeof fetch} [fetch]
 * @property {new (url: string, protocols: string[]) => WebSocket} [WebSocket]
 * @property {Clock} [clock]
 * @property {() => number} [random] In [0, 1).
 */

/**
 * @typedef {object} PublishOptions
 * @property {string} [key] The idempotency key; made when absent. A like takes none.
 * @property {number} [patienceMs] Retry no longer than this; at most, and when absent, 5 min.
 * @property {AbortSignal} [signal] Ends the retries.
 */

/**
 * What became of a publish: `id` and `cursor`, or `likes` for a like.
 * @typedef {object} Published
 * @property {string} key The idempotency key that was used; empty for a like.
 * @property {string} [id]
 * @property {string} [cursor]
 * @property {number} [likes]
 */

/**
 * @typedef {object} JoinOptions
 * @property {number} [history] How many messages from before to have in `room.recent`; at most 200.
 */

/**
 * The answer to a read of history.
 * @typedef {object} History
 * @property {Message[]} messages
 * @property {string} cursor
 * @property {boolean} [left_out] Chat from before is missing here.
 */

export {};
