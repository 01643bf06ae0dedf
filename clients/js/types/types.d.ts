/**
 * One message of a room.
 */
export type Message = {
    /**
     * `region-ms-seq`; unique in all regions.
     */
    id: string;
    /**
     * `chat`, `custom`, `gift`, `control`, or a kind that the service writes (`hide`, `ban`, `state` …).
     */
    kind: string;
    /**
     * `chat`, `gift` or `control`.
     */
    lane: string;
    /**
     * Who published it.
     */
    sub: string;
    /**
     * What the publisher's token says about them.
     */
    info?: any;
    /**
     * The message itself; absent when hidden.
     */
    data?: any;
    /**
     * When it was accepted, ms since 1970.
     */
    at_ms: number;
    /**
     * The first 16 hex digits of SHA-256 of its idempotency key.
     */
    key?: string | undefined;
    /**
     * A moderator took it back.
     */
    hidden?: boolean | undefined;
    /**
     * An own message, accepted by the edge and shown before the stream has brought it. It stands
     * ahead of what the stream still brings; whoever needs the stream's order sorts by `compareIds`.
     */
    early?: boolean | undefined;
};
export type Counters = {
    /**
     * Viewers now.
     */
    online: number;
    /**
     * Likes so far.
     */
    likes: number;
};
/**
 * A room as the edge describes it.
 */
export type RoomInfo = {
    id: string;
    title: string;
    state: "open" | "closed";
    access: "open" | "token";
    owner?: string | undefined;
    created_ms?: number | undefined;
    slow_ms?: number | undefined;
    online: number;
    likes: number;
};
/**
 * Where a socket may be opened.
 */
export type Endpoint = {
    region: string;
    /**
     * `ws:` or `wss:`.
     */
    url: string;
};
/**
 * The answer to a join.
 */
export type Joined = {
    room: RoomInfo;
    subject: string;
    ticket: string;
    ticket_expires_ms: number;
    cursor: string;
    endpoints: Endpoint[];
};
/**
 * The state of the one socket.
 */
export type ConnectionState = {
    phase: "idle" | "connecting" | "open" | "waiting" | "closed";
    /**
     * The one in use or tried.
     */
    endpoint: Endpoint | null;
    /**
     * Of the node that said `welcome`, else empty.
     */
    region: string;
    /**
     * The node that said `welcome`, else empty.
     */
    node: string;
    /**
     * When the next try begins, in `waiting`; else 0.
     */
    retryAtMs: number;
    /**
     * Why the last socket ended, else empty.
     */
    reason: string;
};
export type RoomPhase = "joining" | "subscribing" | "live" | "waiting" | "ended";
/**
 * A frame from a node. Unknown types and fields are skipped.
 */
export type Frame = {
    type: string;
    room?: string;
    [field: string]: any;
};
/**
 * Time, as a browser has it. Tests bring their own.
 */
export type Clock = {
    /**
     * ms since 1970.
     */
    now: () => number;
    setTimeout: (run: () => void, ms: number) => any;
    clearTimeout: (timer: any) => void;
};
export type Options = {
    /**
     * Base URLs of the edge, one's own region first.
     */
    edges: string[];
    /**
     * Absent: a guest, who reads only.
     */
    token?: string | (() => string | Promise<string>) | undefined;
    /**
     * Puts socket endpoints into another order.
     */
    arrange?: ((endpoints: Endpoint[]) => Endpoint[]) | undefined;
    fetch?: typeof fetch | undefined;
    WebSocket?: (new (url: string, protocols: string[]) => WebSocket) | undefined;
    clock?: Clock | undefined;
    /**
     * In [0, 1).
     */
    random?: (() => number) | undefined;
};
export type PublishOptions = {
    /**
     * The idempotency key; made when absent. A like takes none.
     */
    key?: string | undefined;
    /**
     * Retry no longer than this; at most, and when absent, 5 min.
     */
    patienceMs?: number | undefined;
    /**
     * Ends the retries.
     */
    signal?: AbortSignal | undefined;
};
/**
 * What became of a publish: `id` and `cursor`, or `likes` for a like.
 */
export type Published = {
    /**
     * The idempotency key that was used; empty for a like.
     */
    key: string;
    id?: string | undefined;
    cursor?: string | undefined;
    likes?: number | undefined;
};
export type JoinOptions = {
    /**
     * How many messages from before to have in `room.recent`; at most 200.
     */
    history?: number | undefined;
};
/**
 * The answer to a read of history.
 */
export type History = {
    messages: Message[];
    cursor: string;
    /**
     * Chat from before is missing here.
     */
    left_out?: boolean | undefined;
};
