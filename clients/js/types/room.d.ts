/** @import { Counters, History, Message, Published, PublishOptions, RoomInfo, RoomPhase } from './types.js' */
/** @import { TidegateError } from './error.js' */
/**
 * The events of a room.
 *
 * - `message`: each message once, in the stream's order (but see `early` of `Message`).
 * - `replaced`: an own message that was shown early came otherwise through the stream: a moderator's rules changed it.
 * - `counters`: online and likes.
 * - `reset`: history does not reach back to where this client was; messages are missing. It goes on live.
 * - `leftOut`: so many chat messages were left out for this client, or null: unknown.
 * - `error`: what ended the room (`state` is then `ended`).
 * - `state`: the room's phase.
 *
 * @typedef {object} RoomEvents
 * @property {Message} message
 * @property {Message} replaced
 * @property {Counters} counters
 * @property {{cursor: string}} reset
 * @property {{count: number | null}} leftOut
 * @property {TidegateError} error
 * @property {{phase: RoomPhase}} state
 */
/**
 * What a room asks of the client that it belongs to.
 * @typedef {object} Host
 * @property {(room: string, kind: string, data: unknown, options?: PublishOptions) => Promise<Published>} publish
 * @property {(room: string, query: {after?: string, limit?: number}) => Promise<History>} history
 * @property {(room: string) => void} leave
 * @property {(room: string) => RoomPhase} phase
 */
/**
 * A room that was joined. Listeners that are added right after `await tide.join(…)` miss nothing.
 * @extends {Emitter<RoomEvents>}
 */
export class Room extends Emitter<RoomEvents> {
    /**
     * @param {Host} host
     * @param {RoomInfo} info
     * @param {string} subject
     */
    constructor(host: Host, info: RoomInfo, subject: string);
    /** The room's id. */
    id: string;
    /** As it was at the last join. @type {RoomInfo} */
    info: RoomInfo;
    /** Who this client is here. */
    subject: string;
    /** The last counters. @type {Counters} */
    counters: Counters;
    /** Messages from before, oldest first, when `join` was asked for them. @type {Message[]} */
    recent: Message[];
    get phase(): RoomPhase;
    /**
     * @param {string} kind `chat` or `custom`; `gift` and `control` for those who may.
     * @param {unknown} data Becomes JSON.
     * @param {PublishOptions} [options]
     */
    publish(kind: string, data: unknown, options?: PublishOptions): Promise<Published>;
    /** @param {PublishOptions} [options] */
    like(options?: PublishOptions): Promise<Published>;
    /** @param {{after?: string, limit?: number}} [query] */
    history(query?: {
        after?: string;
        limit?: number;
    }): Promise<History>;
    leave(): void;
    #private;
}
/**
 * The events of a room.
 *
 * - `message`: each message once, in the stream's order (but see `early` of `Message`).
 * - `replaced`: an own message that was shown early came otherwise through the stream: a moderator's rules changed it.
 * - `counters`: online and likes.
 * - `reset`: history does not reach back to where this client was; messages are missing. It goes on live.
 * - `leftOut`: so many chat messages were left out for this client, or null: unknown.
 * - `error`: what ended the room (`state` is then `ended`).
 * - `state`: the room's phase.
 */
export type RoomEvents = {
    message: Message;
    replaced: Message;
    counters: Counters;
    reset: {
        cursor: string;
    };
    leftOut: {
        count: number | null;
    };
    error: TidegateError;
    state: {
        phase: RoomPhase;
    };
};
/**
 * What a room asks of the client that it belongs to.
 */
export type Host = {
    publish: (room: string, kind: string, data: unknown, options?: PublishOptions) => Promise<Published>;
    history: (room: string, query: {
        after?: string;
        limit?: number;
    }) => Promise<History>;
    leave: (room: string) => void;
    phase: (room: string) => RoomPhase;
};
import { Emitter } from './emitter.js';
import type { RoomInfo } from './types.js';
import type { Counters } from './types.js';
import type { Message } from './types.js';
import type { RoomPhase } from './types.js';
import type { PublishOptions } from './types.js';
import type { Published } from './types.js';
import type { History } from './types.js';
import type { TidegateError } from './error.js';
