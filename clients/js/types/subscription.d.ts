/**
 * One room on the socket, as a machine without I/O: ticket, cursor, order, and what has been shown. `step` takes what
 * happened and the time, and answers what to do; `wakeMs` says when it wants the next `tick`.
 */
export class Subscription {
    /**
     * @param {string} room
     * @param {() => number} random In [0, 1).
     */
    constructor(room: string, random: () => number);
    /** @returns {RoomPhase} */
    get phase(): RoomPhase;
    get ended(): boolean;
    /** The last cursor that was given, or empty. */
    get cursor(): string;
    /** When the next `tick` is wanted, ms; Infinity: never. */
    get wakeMs(): number;
    /**
     * Takes what history has brought as shown and goes on behind it.
     * @param {Message[]} messages
     * @param {string} cursor
     * @returns {Message[]} Those that are to be shown.
     */
    begin(messages: Message[], cursor: string): Message[];
    /** No more frames, no more wakes. */
    end(): void;
    /**
     * @param {RoomEvent} event
     * @param {number} nowMs
     * @returns {RoomAction[]}
     */
    step(event: RoomEvent, nowMs: number): RoomAction[];
    #private;
}
/**
 * What the shell is to do: send a frame, ask the edge for a ticket, or tell the user.
 */
export type RoomAction = {
    do: "send";
    frame: Frame;
} | {
    do: "join";
} | {
    do: "message";
    message: Message;
} | {
    do: "replaced";
    message: Message;
} | {
    do: "counters";
    counters: Counters;
} | {
    do: "reset";
    cursor: string;
} | {
    do: "leftOut";
    count: number | null;
} | {
    do: "error";
    code: string;
    text: string;
} | {
    do: "state";
};
/**
 * What happened. `accepted`: the edge took a message of our own. `refused`: a join failed; for good when `retryMs` is null.
 */
export type RoomEvent = {
    is: "up";
} | {
    is: "down";
} | {
    is: "tick";
} | {
    is: "mend";
} | {
    is: "renew";
} | {
    is: "rejoin";
} | {
    is: "joined";
    ticket: string;
    expiresMs: number;
    cursor: string;
} | {
    is: "refused";
    code: string;
    text: string;
    retryMs: number | null;
} | {
    is: "frame";
    frame: Frame;
} | {
    is: "accepted";
    message: Message;
};
import type { RoomPhase } from './types.js';
import type { Message } from './types.js';
import type { Frame } from './types.js';
import type { Counters } from './types.js';
