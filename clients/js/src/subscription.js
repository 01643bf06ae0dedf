import { backoffMs } from './endpoints.js';
import { precedes } from './ids.js';
import {
  MEND_TRIES, OWN, OWN_WAIT_MS, REFRESH_LEAST_MS, REFRESH_SHARE, SUBSCRIBE_WAIT_MS, TICKET_LIFE_MOST_MS, TRY_AGAIN_MS,
} from './limits.js';
import { Shown } from './seen.js';

/** @import { Counters, Frame, Message, RoomPhase } from './types.js' */

/**
 * What the shell is to do: send a frame, ask the edge for a ticket, or tell the user.
 * @typedef {{do: 'send', frame: Frame}
 *   | {do: 'join'}
 *   | {do: 'message', message: Message}
 *   | {do: 'replaced', message: Message}
 *   | {do: 'counters', counters: Counters}
 *   | {do: 'reset', cursor: string}
 *   | {do: 'leftOut', count: number | null}
 *   | {do: 'error', code: string, text: string}
 *   | {do: 'state'}} RoomAction
 */

/**
 * What happened. `accepted`: the edge took a message of our own. `refused`: a join failed; for good when `retryMs` is null.
 * @typedef {{is: 'up'}
 *   | {is: 'down'}
 *   | {is: 'tick'}
 *   | {is: 'mend'}
 *   | {is: 'renew'}
 *   | {is: 'rejoin'}
 *   | {is: 'joined', ticket: string, expiresMs: number, cursor: string}
 *   | {is: 'refused', code: string, text: string, retryMs: number | null}
 *   | {is: 'frame', frame: Frame}
 *   | {is: 'accepted', message: Message}} RoomEvent
 */

/** Errors after which a new ticket helps. */
const NEEDS_TICKET = ['bad_ticket', 'ticket_expired', 'wrong_room'];

/**
 * One room on the socket, as a machine without I/O: ticket, cursor, order, and what has been shown. `step` takes what
 * happened and the time, and answers what to do; `wakeMs` says when it wants the next `tick`.
 */
export class Subscription {
  #room;
  #random;
  /** Is the socket up? */
  #up = false;
  /** @type {'none' | 'asked' | 'live' | 'pause' | 'ended'} */
  #phase = 'none';
  /** @type {string | null} */
  #ticket = null;
  /** @type {string | null} */
  #cursor = null;
  /** After `mend` the first cursor that comes is a new beginning. */
  #lostPlace = false;
  /** Is a join under way or about to be? */
  #joining = false;
  /** Does a new ticket take the place of the whole subscription (another subject), not only of the ticket? */
  #replace = false;
  /** Was the subject changed while a join was under way? */
  #joinAgain = false;
  #joinFailures = 0;
  /** Subscribes that were refused since the last one that was not. */
  #refusals = 0;
  #joinAtMs = Infinity;
  #deadlineMs = Infinity;
  #shown = new Shown();
  /** Own messages that wait for their place. @type {Map<string, {message: Message, untilMs: number}>} */
  #own = new Map();
  /** Own messages shown ahead of the stream. @type {Map<string, string>} */
  #ahead = new Map();

  /**
   * @param {string} room
   * @param {() => number} random In [0, 1).
   */
  constructor(room, random) {
    this.#room = room;
    this.#random = random;
  }

  /** @returns {RoomPhase} */
  get phase() {
    if (this.#phase === 'ended') return 'ended';
    if (this.#ticket === null) return 'joining';
    if (!this.#up || this.#phase === 'pause') return 'waiting';
    return this.#phase === 'live' ? 'live' : 'subscribing';
  }

  get ended() {
    return this.#phase === 'ended';
  }

  /** The last cursor that was given, or empty. */
  get cursor() {
    return this.#cursor ?? '';
  }

  /** When the next `tick` is wanted, ms; Infinity: never. */
  get wakeMs() {
    if (this.#phase === 'ended') return Infinity;
    let wake = Math.min(this.#joinAtMs, this.#deadlineMs);
    for (const { untilMs } of this.#own.values()) wake = Math.min(wake, untilMs);
    return wake;
  }

  /**
   * Takes what history has brought as shown and goes on behind it.
   * @param {Message[]} messages
   * @param {string} cursor
   * @returns {Message[]} Those that are to be shown.
   */
  begin(messages, cursor) {
    this.#cursor = cursor;
    return messages.filter((message) => this.#shown.add(message));
  }

  /** No more frames, no more wakes. */
  end() {
    this.#phase = 'ended';
    this.#own.clear();
  }

  /**
   * @param {RoomEvent} event
   * @param {number} nowMs
   * @returns {RoomAction[]}
   */
  step(event, nowMs) {
    if (this.#phase === 'ended') return [];
    const before = this.phase;
    const actions = this.#handle(event, nowMs);
    if (this.phase !== before) actions.push({ do: 'state' });
    return actions;
  }

  /** @param {RoomEvent} event @param {number} nowMs @returns {RoomAction[]} */
  #handle(event, nowMs) {
    switch (event.is) {
      case 'up':
        this.#up = true;
        return this.#subscribe(nowMs);
      case 'down':
        this.#up = false;
        this.#phase = 'none';
        this.#deadlineMs = Infinity;
        return [];
      case 'tick':
        return this.#tick(nowMs);
      case 'mend':
        this.#ticket = null;
        this.#cursor = null;
        this.#lostPlace = true;
        return this.#join();
      case 'renew':
        this.#replace = true;
        this.#joinAgain = this.#joining;
        return this.#join();
      case 'rejoin':
        return this.#join();
      case 'joined':
        return this.#joined(event, nowMs);
      case 'refused':
        return this.#refused(event, nowMs);
      case 'frame':
        return this.#frame(event.frame, nowMs);
      case 'accepted':
        return this.#accepted(event.message, nowMs);
    }
  }

  /** @returns {RoomAction[]} */
  #join() {
    if (this.#joining) return [];
    this.#joining = true;
    this.#joinAtMs = Infinity;
    return [{ do: 'join' }];
  }

  /** @param {number} nowMs @returns {RoomAction[]} */
  #subscribe(nowMs) {
    if (!this.#up || this.#ticket === null) return [];
    this.#phase = 'asked';
    this.#deadlineMs = nowMs + SUBSCRIBE_WAIT_MS;
    const cursor = this.#cursor === null ? {} : { cursor: this.#cursor };
    return [{ do: 'send', frame: { type: 'subscribe', room: this.#room, ticket: this.#ticket, ...cursor } }];
  }

  /** @param {Extract<RoomEvent, {is: 'joined'}>} event @param {number} nowMs @returns {RoomAction[]} */
  #joined(event, nowMs) {
    const replace = this.#replace || this.#phase !== 'live';
    const again = this.#joinAgain;
    this.#joining = false;
    this.#joinAgain = false;
    this.#replace = again;
    this.#joinFailures = 0;
    this.#ticket = event.ticket;
    const lifeMs = Math.min(TICKET_LIFE_MOST_MS, event.expiresMs - nowMs);
    this.#joinAtMs = nowMs + Math.max(REFRESH_LEAST_MS, lifeMs * REFRESH_SHARE);
    /** @type {RoomAction[]} */
    const actions = [];
    if (this.#cursor === null) {
      this.#cursor = event.cursor;
      if (this.#lostPlace) actions.push({ do: 'reset', cursor: event.cursor });
      this.#lostPlace = false;
    }
    if (this.#up && !replace) actions.push({ do: 'send', frame: { type: 'refresh', room: this.#room, ticket: this.#ticket } });
    else if (this.#phase !== 'pause') actions.push(...this.#subscribe(nowMs));
    return again ? [...actions, ...this.#join()] : actions;
  }

  /** @param {Extract<RoomEvent, {is: 'refused'}>} event @param {number} nowMs @returns {RoomAction[]} */
  #refused(event, nowMs) {
    this.#joining = false;
    if (event.retryMs === null) return this.#fail(event.code, event.text);
    this.#joinAtMs = nowMs + Math.max(event.retryMs, backoffMs(this.#joinFailures++, this.#random()));
    return [];
  }

  /** @param {string} code @param {string} text @returns {RoomAction[]} */
  #fail(code, text) {
    this.end();
    return [{ do: 'error', code, text }];
  }

  /** @param {number} nowMs @returns {RoomAction[]} */
  #tick(nowMs) {
    /** @type {RoomAction[]} */
    const actions = [];
    for (const { message, untilMs } of [...this.#own.values()]) if (untilMs <= nowMs) actions.push(...this.#showOwn(message));
    if (this.#joinAtMs <= nowMs) actions.push(...this.#join());
    if (this.#deadlineMs <= nowMs) {
      this.#deadlineMs = Infinity;
      this.#phase = 'none';
      actions.push(...this.#subscribe(nowMs));
    }
    return actions;
  }

  /** @param {Frame} frame @param {number} nowMs @returns {RoomAction[]} */
  #frame(frame, nowMs) {
    // What was under way to a subscription that has ended is not for the next one.
    if (this.#phase !== 'asked' && this.#phase !== 'live') return [];
    switch (frame.type) {
      case 'batch':
        return this.#answered(frame, this.#batch(frame));
      case 'reset':
        return this.#answered(frame, [{ do: 'reset', cursor: String(frame.cursor) }, ...this.#counters(frame)]);
      case 'error':
        return this.#error(String(frame.code), String(frame.message ?? ''), nowMs);
      default:
        return [];
    }
  }

  /** @param {Frame} frame @param {RoomAction[]} actions */
  #answered(frame, actions) {
    if (typeof frame.cursor === 'string') this.#cursor = frame.cursor;
    this.#phase = 'live';
    this.#deadlineMs = Infinity;
    this.#refusals = 0;
    return actions;
  }

  /** @param {Frame} frame @returns {RoomAction[]} */
  #counters(frame) {
    const { online, likes } = frame.counters ?? {};
    return Number.isFinite(online) && Number.isFinite(likes) ? [{ do: 'counters', counters: { online, likes } }] : [];
  }

  /** @param {Frame} frame @returns {RoomAction[]} */
  #batch(frame) {
    /** @type {RoomAction[]} */
    const actions = [];
    for (const message of Array.isArray(frame.messages) ? frame.messages : []) {
      if (typeof message?.id !== 'string') continue;
      // Within a region the stream never goes back: an own message below this one was left out for us.
      for (const own of [...this.#own.values()]) if (precedes(own.message.id, message.id)) actions.push(...this.#showOwn(own.message));
      this.#own.delete(message.id);
      const ahead = this.#ahead.get(message.id);
      if (ahead !== undefined) {
        this.#ahead.delete(message.id);
        if (ahead !== JSON.stringify(message.data)) actions.push({ do: 'replaced', message });
      } else if (this.#shown.add(message)) actions.push({ do: 'message', message });
    }
    if (frame.left_out === null || frame.left_out > 0) actions.push({ do: 'leftOut', count: frame.left_out });
    return [...actions, ...this.#counters(frame)];
  }

  /** @param {Message} message @param {number} nowMs @returns {RoomAction[]} */
  #accepted(message, nowMs) {
    if (this.#shown.has(message.id) || this.#own.has(message.id)) return [];
    this.#own.set(message.id, { message, untilMs: nowMs + OWN_WAIT_MS });
    return [];
  }

  /** @param {Message} message @returns {RoomAction[]} */
  #showOwn(message) {
    this.#own.delete(message.id);
    if (!this.#shown.add(message)) return [];
    this.#ahead.set(message.id, JSON.stringify(message.data));
    if (this.#ahead.size > OWN) this.#ahead.delete(/** @type {string} */ (this.#ahead.keys().next().value));
    return [{ do: 'message', message: { ...message, early: true } }];
  }

  /** @param {string} code @param {string} text @param {number} nowMs @returns {RoomAction[]} */
  #error(code, text, nowMs) {
    this.#phase = 'none';
    this.#deadlineMs = Infinity;
    if (code === 'try_again') {
      this.#phase = 'pause';
      this.#deadlineMs = nowMs + TRY_AGAIN_MS * (1 + this.#random() / 2);
      return [];
    }
    this.#refusals += 1;
    if (this.#refusals > MEND_TRIES) return this.#fail(code, text);
    if (code === 'not_subscribed') return this.#subscribe(nowMs);
    if (!NEEDS_TICKET.includes(code)) return this.#fail(code, text);
    this.#ticket = null;
    if (this.#joining) return [];
    if (code === 'ticket_expired' && this.#refusals === 1) return this.#join();
    this.#joinAtMs = nowMs + backoffMs(this.#refusals, this.#random());
    return [];
  }
}
