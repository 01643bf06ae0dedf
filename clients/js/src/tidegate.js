import { Edge, claims } from './edge.js';
import { Emitter } from './emitter.js';
import { readEndpoints } from './endpoints.js';
import { TidegateError } from './error.js';
import { keyHash, uuid } from './ids.js';
import { HISTORY, PUBLISH_MOST_MS, PUBLISH_QUEUE, ROOMS } from './limits.js';
import { Link } from './link.js';
import { verdict } from './retry.js';
import { Room } from './room.js';
import { Shown } from './seen.js';
import { Subscription } from './subscription.js';

/** @import { Clock, ConnectionState, Frame, History, Joined, JoinOptions, Message, Options, Published, PublishOptions } from './types.js' */
/** @import { LinkAction, LinkEvent } from './link.js' */
/** @import { RoomAction, RoomEvent } from './subscription.js' */

/** The version that `hello` names. */
export const VERSION = '0.1.0';
const PROTOCOL = 'tidegate.v1.json';
/** A first join and a read of history go on trying for this long. */
const JOIN_PATIENCE_MS = 10_000;

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
export class Tidegate extends Emitter {
  #arrange;
  #Socket;
  /** @type {Clock} */
  #clock;
  #random;
  #edge;
  #link;
  #closed = false;
  /** @type {Map<string, Entry>} */
  #rooms = new Map();
  /** @type {Map<string, Promise<Room>>} */
  #joins = new Map();
  /** @type {Map<string, {waiting: number, last: Promise<unknown>}>} */
  #queues = new Map();
  #announced = new Shown();
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {any} */
  #timer = null;
  #online = () => this.#step({ is: 'hurry' });

  /** @param {Options} options */
  constructor(options) {
    super();
    this.#arrange = options.arrange ?? ((list) => list);
    this.#Socket = options.WebSocket ?? globalThis.WebSocket;
    this.#random = options.random ?? Math.random;
    this.#clock = options.clock ?? {
      now: () => Date.now(),
      setTimeout: (run, ms) => setTimeout(run, ms),
      clearTimeout: (timer) => clearTimeout(timer),
    };
    this.#edge = new Edge(options, this.#clock, this.#random);
    this.#link = new Link({ client: 'tidegate-js', version: VERSION }, this.#random);
    globalThis.addEventListener?.('online', this.#online);
  }

  /** The state of the socket. */
  get state() {
    return this.#link.state;
  }

  /**
   * Joins a room; one that is joined already is answered as it is. Rejects when the edge refuses, or is out of reach for 10 s.
   * @param {string} id
   * @param {JoinOptions} [options]
   * @returns {Promise<Room>}
   */
  join(id, options = {}) {
    const known = this.#rooms.get(id);
    if (known) return Promise.resolve(known.room);
    const pending = this.#joins.get(id);
    if (pending) return pending;
    const joining = this.#join(id, options).finally(() => this.#joins.delete(id));
    this.#joins.set(id, joining);
    return joining;
  }

  /**
   * Publishes through the edge. Messages of one room are sent one after the other, so that they keep their order, and
   * retried under one idempotency key for 5 min at most. Likes do not wait, take no key, and are sent once to an edge.
   * @param {string} room
   * @param {string} kind
   * @param {unknown} data
   * @param {PublishOptions} [options]
   * @returns {Promise<Published>}
   */
  publish(room, kind, data, options = {}) {
    if (kind === 'like') return this.#publish(room, kind, data, '', { patienceMs: 0, ...options });
    const key = options.key ?? uuid();
    const run = () => this.#publish(room, kind, data, key, options);
    const queue = this.#queues.get(room) ?? { waiting: 0, last: Promise.resolve() };
    if (queue.waiting >= PUBLISH_QUEUE) {
      return Promise.reject(new TidegateError('busy', `${PUBLISH_QUEUE} messages wait for their answer already`, { room, key }));
    }
    this.#queues.set(room, queue);
    queue.waiting += 1;
    const mine = queue.last.then(run).finally(() => {
      queue.waiting -= 1;
      if (queue.waiting === 0) this.#queues.delete(room);
    });
    queue.last = mine.catch(() => {});
    return mine;
  }

  /** The user has changed: asks for the token again, and for a ticket for each room, which go on where they are. */
  renew() {
    this.#edge.forgetToken();
    for (const [id] of this.#rooms) this.#stepRoom(id, { is: 'renew' });
  }

  /** Cuts the socket and goes on at the next endpoint, as after a lost one. */
  reconnect() {
    this.#step({ is: 'cut' });
  }

  /** Leaves every room, closes the socket, ends every call. The client can't be used again. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    globalThis.removeEventListener?.('online', this.#online);
    this.#edge.close();
    for (const [id] of [...this.#rooms]) this.#leave(id);
    this.#step({ is: 'stop' });
    this.#clock.clearTimeout(this.#timer);
  }

  /** @param {string} id @param {JoinOptions} options */
  async #join(id, options) {
    if (this.#closed || this.#link.state.phase === 'closed') throw new TidegateError('closed', 'The client was closed', { room: id });
    if (!this.#Socket) throw new TidegateError('no_websocket', 'There is no WebSocket here: give one in the options', { room: id });
    if (this.#rooms.size + this.#joins.size >= ROOMS) throw new TidegateError('too_many_rooms', `A socket holds ${ROOMS} rooms`, { room: id });
    const joined = await this.#askJoin(id, JOIN_PATIENCE_MS);
    const sub = new Subscription(id, this.#random);
    const room = new Room(
      {
        publish: (to, kind, data, more) => this.publish(to, kind, data, more),
        history: (of, query) => this.#history(of, query),
        leave: (which) => this.#leave(which),
        phase: () => sub.phase,
      },
      joined.room,
      joined.subject,
    );
    if (options.history) {
      const past = await this.#history(id, { limit: Math.min(HISTORY, options.history) });
      room.recent = sub.begin(past.messages, past.cursor);
    }
    if (this.#closed) throw new TidegateError('closed', 'The client was closed', { room: id });
    this.#rooms.set(id, { room, sub });
    // Up first: the room then asks for its subscription as soon as it has its ticket.
    if (this.#link.up) this.#stepRoom(id, { is: 'up' });
    this.#joined(id, joined);
    this.#step({ is: 'start' });
    return room;
  }

  /** @param {string} id @param {number} patienceMs @returns {Promise<Joined>} */
  async #askJoin(id, patienceMs) {
    const joined = await this.#edge.call('POST', `/v1/rooms/${encodeURIComponent(id)}/join`, { room: id, patienceMs });
    if (typeof joined?.ticket !== 'string' || typeof joined.cursor !== 'string') {
      throw new TidegateError('bad_answer', 'The edge answered the join without ticket or cursor', { room: id });
    }
    return joined;
  }

  /** @param {string} id @param {Joined} joined */
  #joined(id, joined) {
    const list = readEndpoints(joined.endpoints);
    this.#step({ is: 'endpoints', list: this.#arrange(list) });
    this.#stepRoom(id, { is: 'joined', ticket: joined.ticket, expiresMs: joined.ticket_expires_ms, cursor: joined.cursor });
  }

  /** Joins again for a new ticket. @param {string} id @param {Subscription} sub */
  async #rejoin(id, sub) {
    try {
      const joined = await this.#askJoin(id, 0);
      const entry = this.#rooms.get(id);
      if (entry?.sub !== sub) return;
      [entry.room.info, entry.room.subject] = [joined.room, joined.subject];
      this.#joined(id, joined);
    } catch (cause) {
      const error = /** @type {TidegateError} */ (cause);
      const forGood = verdict(error.status) === 'refused';
      const retryMs = forGood ? null : (error.retryAfterMs ?? 0);
      if (this.#rooms.get(id)?.sub === sub) this.#stepRoom(id, { is: 'refused', code: error.code, text: error.message, retryMs });
    }
  }

  /** @param {string} id @param {{after?: string, limit?: number}} query @returns {Promise<History>} */
  async #history(id, query) {
    const search = new URLSearchParams();
    if (query.after !== undefined) search.set('after', query.after);
    if (query.limit !== undefined) search.set('limit', String(query.limit));
    const path = `/v1/rooms/${encodeURIComponent(id)}/messages${search.size > 0 ? `?${search}` : ''}`;
    const history = await this.#edge.call('GET', path, { room: id, patienceMs: JOIN_PATIENCE_MS });
    if (!Array.isArray(history?.messages)) throw new TidegateError('bad_answer', 'The edge answered without messages', { room: id });
    return history;
  }

  /**
   * @param {string} room
   * @param {string} kind
   * @param {unknown} data
   * @param {string} key Empty: none.
   * @param {PublishOptions} options
   * @returns {Promise<Published>}
   */
  async #publish(room, kind, data, key, options) {
    const path = `/v1/rooms/${encodeURIComponent(room)}/messages`;
    const patienceMs = options.patienceMs ?? PUBLISH_MOST_MS;
    const answer = await this.#edge.call('POST', path, { body: { kind, data }, key: key || undefined, room, patienceMs, signal: options.signal });
    if (typeof answer?.id === 'string') await this.#accepted(room, kind, data, key, answer.id);
    const entry = this.#rooms.get(room);
    if (entry && typeof answer?.likes === 'number' && answer.likes > entry.room.counters.likes) {
      this.#act(room, entry, [{ do: 'counters', counters: { ...entry.room.counters, likes: answer.likes } }]);
    }
    return { ...answer, key };
  }

  /** @param {string} room @param {string} kind @param {unknown} data @param {string} key @param {string} id */
  async #accepted(room, kind, data, key, id) {
    const entry = this.#rooms.get(room);
    if (!entry) return;
    const { sub = entry.room.subject, info } = claims(await this.#edge.token());
    const lane = kind === 'gift' || kind === 'control' ? kind : 'chat';
    /** @type {Message} */
    const message = { id, kind, lane, sub, data, at_ms: this.#clock.now(), key: keyHash(key) };
    if (info !== undefined) message.info = info;
    this.#stepRoom(room, { is: 'accepted', message });
  }

  /** @param {string} id */
  #leave(id) {
    const entry = this.#rooms.get(id);
    if (!entry) return;
    this.#rooms.delete(id);
    if (this.#link.up && !entry.sub.ended) this.#send({ type: 'unsubscribe', room: id });
    entry.sub.end();
    entry.room.emit('state', { phase: 'ended' });
    if (this.#rooms.size === 0) this.#step({ is: 'stop' });
  }

  /** @param {LinkEvent} event */
  #step(event) {
    for (const action of this.#link.step(event, this.#clock.now())) this.#do(action);
    this.#wake();
  }

  /** @param {LinkAction} action */
  #do(action) {
    switch (action.do) {
      case 'open':
        return this.#open(action.url);
      case 'drop':
        return this.#drop();
      case 'send':
        return this.#send(action.frame);
      case 'state':
        return this.emit('state', this.#link.state);
      case 'up':
      case 'down':
      case 'mend':
      case 'rejoin':
        for (const [id] of [...this.#rooms]) this.#stepRoom(id, { is: action.do });
        return undefined;
      case 'end':
        return this.#end(action.code);
    }
  }

  /** @param {string} code */
  #end(code) {
    const error = new TidegateError(code, 'The service ended this connection');
    for (const [id, entry] of [...this.#rooms]) {
      this.#rooms.delete(id);
      entry.sub.end();
      entry.room.emit('error', error);
      entry.room.emit('state', { phase: 'ended' });
    }
    this.emit('error', error);
    this.emit('state', this.#link.state);
  }

  /** @param {string} id @param {RoomEvent} event */
  #stepRoom(id, event) {
    const entry = this.#rooms.get(id);
    if (!entry) return;
    this.#act(id, entry, entry.sub.step(event, this.#clock.now()));
    this.#wake();
  }

  /** @param {string} id @param {Entry} entry @param {RoomAction[]} actions */
  #act(id, entry, actions) {
    const { room, sub } = entry;
    for (const action of actions) {
      switch (action.do) {
        case 'send':
          this.#send(action.frame);
          break;
        case 'join':
          void this.#rejoin(id, sub);
          break;
        case 'message':
        case 'replaced':
          room.emit(action.do, action.message);
          break;
        case 'counters':
          room.counters = action.counters;
          room.emit('counters', action.counters);
          break;
        case 'reset':
          room.emit('reset', { cursor: action.cursor });
          break;
        case 'leftOut':
          room.emit('leftOut', { count: action.count });
          break;
        case 'error': {
          const error = new TidegateError(action.code, action.text || action.code, { room: id });
          this.#rooms.delete(id);
          room.emit('error', error);
          this.emit('error', error);
          break;
        }
        case 'state':
          room.emit('state', { phase: sub.phase });
      }
    }
    if (sub.ended && this.#rooms.size === 0) this.#step({ is: 'stop' });
  }

  /** @param {string} url */
  #open(url) {
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new this.#Socket(url, [PROTOCOL]);
    } catch {
      // The page's own rules may forbid this address; that is as good as an endpoint out of reach.
      this.#clock.setTimeout(() => this.#socket === null && this.#step({ is: 'closed', code: 1006 }), 0);
      return;
    }
    this.#socket = socket;
    const live = () => this.#socket === socket;
    socket.onopen = () => live() && this.#step({ is: 'opened' });
    socket.onmessage = (event) => live() && this.#receive(event.data);
    socket.onerror = () => {};
    socket.onclose = (event) => {
      if (!live()) return;
      this.#socket = null;
      this.#step({ is: 'closed', code: event.code });
    };
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  /** @param {Frame} frame */
  #send(frame) {
    if (this.#socket?.readyState !== 1) return;
    this.#socket.send(JSON.stringify(frame));
    this.#link.step({ is: 'sent' }, this.#clock.now());
  }

  /** @param {unknown} text */
  #receive(text) {
    /** @type {Frame} */
    let frame;
    try {
      frame = JSON.parse(String(text));
    } catch {
      return;
    }
    if (frame === null || typeof frame !== 'object') return;
    if (frame.endpoints) frame.endpoints = this.#arrange(readEndpoints(frame.endpoints));
    this.#step({ is: 'frame', frame });
    if (frame.room === '!all') this.#announce(frame);
    else if (typeof frame.room === 'string') this.#stepRoom(frame.room, { is: 'frame', frame });
  }

  /** @param {Frame} frame */
  #announce(frame) {
    if (frame.type !== 'batch' || !Array.isArray(frame.messages)) return;
    for (const message of frame.messages) {
      if (typeof message?.id === 'string' && this.#announced.add(message)) this.emit('announcement', message);
    }
  }

  /** One timer for all: the earliest time that anyone wants. */
  #wake() {
    this.#clock.clearTimeout(this.#timer);
    let wakeMs = this.#link.wakeMs;
    for (const { sub } of this.#rooms.values()) wakeMs = Math.min(wakeMs, sub.wakeMs);
    if (wakeMs === Infinity) return;
    this.#timer = this.#clock.setTimeout(() => this.#tick(), Math.max(0, wakeMs - this.#clock.now()));
  }

  #tick() {
    this.#step({ is: 'tick' });
    for (const [id] of [...this.#rooms]) this.#stepRoom(id, { is: 'tick' });
  }
}
