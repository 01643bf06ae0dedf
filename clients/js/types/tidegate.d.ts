/** @import { Clock, ConnectionState, Frame, History, Joined, JoinOptions, Message, Options, Published, PublishOptions } from './types.js' */
/** @import { LinkAction, LinkEvent } from './link.js' */
/** @import { RoomAction, RoomEvent } from './subscription.js' */
/** The version that `hello` names. */
export const VERSION: "0.1.0";
/**
 * - `state`: of the socket.
 * - `announcement`: a message that goes to every socket.
 * - `error`: what ended a room or the client.
 *
 * @typedef {object} TidegateEvents
 * @property {ConnectionState} state
 * @property {Message} announcement
 * @property {TidegateError} error
 */
/** @typedef {{room: Room, sub: Subscription}} Entry */
/**
 * A client: HTTP to the edge for what is written, one WebSocket to a node for what is read, whatever the number of rooms.
 * @extends {Emitter<TidegateEvents>}
 */
export class Tidegate extends Emitter<TidegateEvents> {
    /** @param {Options} options */
    constructor(options: Options);
    /** The state of the socket. */
    get state(): ConnectionState;
    /**
     * Joins a room; one that is joined already is answered as it is. Rejects when the edge refuses, or is out of reach for 10 s.
     * @param {string} id
     * @param {JoinOptions} [options]
     * @returns {Promise<Room>}
     */
    join(id: string, options?: JoinOptions): Promise<Room>;
    /**
     * Publishes through the edge. Messages of one room are sent one after the other, so that they keep their order, and
     * retried under one idempotency key for 5 min at most. Likes do not wait, take no key, and are sent once to an edge.
     * @param {string} room
     * @param {string} kind
     * @param {unknown} data
     * @param {PublishOptions} [options]
     * @returns {Promise<Published>}
     */
    publish(room: string, kind: string, data: unknown, options?: PublishOptions): Promise<Published>;
    /** The user has changed: asks for the token again, and for a ticket for each room, which go on where they are. */
    renew(): void;
    /** Cuts the socket and goes on at the next endpoint, as after a lost one. */
    reconnect(): void;
    /** Leaves every room, closes the socket, ends every call. The client can't be used again. */
    close(): void;
    #private;
}
/**
 * - `state`: of the socket.
 * - `announcement`: a message that goes to every socket.
 * - `error`: what ended a room or the client.
 */
export type TidegateEvents = {
    state: ConnectionState;
    announcement: Message;
    error: TidegateError;
};
export type Entry = {
    room: Room;
    sub: Subscription;
};
import { Emitter } from './emitter.js';
import type { ConnectionState } from './types.js';
import type { JoinOptions } from './types.js';
import { Room } from './room.js';
import type { PublishOptions } from './types.js';
import type { Published } from './types.js';
import type { Options } from './types.js';
import type { Message } from './types.js';
import { TidegateError } from './error.js';
import { Subscription } from './subscription.js';
