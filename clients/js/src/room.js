import { Emitter } from './emitter.js';

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
export class Room extends Emitter {
  #host;
  /** The room's id. */
  id;
  /** As it was at the last join. @type {RoomInfo} */
  info;
  /** Who this client is here. */
  subject;
  /** The last counters. @type {Counters} */
  counters;
  /** Messages from before, oldest first, when `join` was asked for them. @type {Message[]} */
  recent = [];

  /**
   * @param {Host} host
   * @param {RoomInfo} info
   * @param {string} subject
   */
  constructor(host, info, subject) {
    super();
    this.#host = host;
    this.id = info.id;
    this.info = info;
    this.subject = subject;
    this.counters = { online: info.online, likes: info.likes };
  }

  get phase() {
    return this.#host.phase(this.id);
  }

  /**
   * @param {string} kind `chat` or `custom`; `gift` and `control` for those who may.
   * @param {unknown} data Becomes JSON.
   * @param {PublishOptions} [options]
   */
  publish(kind, data, options) {
    return this.#host.publish(this.id, kind, data, options);
  }

  /** @param {PublishOptions} [options] */
  like(options) {
    return this.#host.publish(this.id, 'like', {}, options);
  }

  /** @param {{after?: string, limit?: number}} [query] */
  history(query = {}) {
    return this.#host.history(this.id, query);
  }

  leave() {
    this.#host.leave(this.id);
  }
}
