/**
 * The life of the one socket, as a machine without I/O: `step` takes what happened and the time, and answers what to do.
 * `wakeMs` says when it wants the next `tick`.
 */
export class Link {
    /**
     * @param {{client: string, version: string}} client
     * @param {() => number} random In [0, 1).
     */
    constructor(client: {
        client: string;
        version: string;
    }, random: () => number);
    /** @returns {ConnectionState} */
    get state(): ConnectionState;
    get up(): boolean;
    /** When the next `tick` is wanted, ms; Infinity: never. */
    get wakeMs(): number;
    /**
     * @param {LinkEvent} event
     * @param {number} nowMs
     * @returns {LinkAction[]}
     */
    step(event: LinkEvent, nowMs: number): LinkAction[];
    #private;
}
/**
 * `open` a socket (one is open at most; a `drop` came before). `up`: frames may be sent. `down`: no longer. `mend`: forget
 * tickets and cursors and join again. `rejoin`: no endpoint answers, ask for new ones. `end`: it is over for good.
 */
export type LinkAction = {
    do: "open";
    url: string;
} | {
    do: "drop";
} | {
    do: "send";
    frame: Frame;
} | {
    do: "state";
} | {
    do: "up";
} | {
    do: "down";
} | {
    do: "mend";
} | {
    do: "rejoin";
} | {
    do: "end";
    code: string;
};
/**
 * `hurry`: the network is back, a wait may end now. `cut`: the user wants another socket.
 */
export type LinkEvent = {
    is: "start";
} | {
    is: "stop";
} | {
    is: "tick";
} | {
    is: "hurry";
} | {
    is: "cut";
} | {
    is: "endpoints";
    list: Endpoint[];
} | {
    is: "opened";
} | {
    is: "frame";
    frame: Frame;
} | {
    is: "sent";
} | {
    is: "closed";
    code: number;
};
import type { ConnectionState } from './types.js';
import type { Frame } from './types.js';
import type { Endpoint } from './types.js';
