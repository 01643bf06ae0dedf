import { onClose } from './close.js';
import { Endpoints, backoffMs, readEndpoints } from './endpoints.js';
import {
  CONNECT_WAIT_MS, HASTY_WAIT_MS, MEND_TRIES, PING_LEAST_MS, PING_MOST_MS, PING_MS, PONG_WAIT_MS, SHUN_MOVED_MS, SHUN_MS,
  SPEAK_MS, SPREAD_MS, STABLE_MS, WELCOME_WAIT_MS,
} from './limits.js';

/** @import { ConnectionState, Endpoint, Frame } from './types.js' */

/**
 * What the shell is to do.
 * @typedef {{do: 'open', url: string}
 *   | {do: 'drop'}
 *   | {do: 'send', frame: Frame}
 *   | {do: 'state'}
 *   | {do: 'up'}
 *   | {do: 'down'}
 *   | {do: 'mend'}
 *   | {do: 'rejoin'}
 *   | {do: 'end', code: string}} LinkAction
 *
 * `open` a socket (one is open at most; a `drop` came before). `up`: frames may be sent. `down`: no longer. `mend`: forget
 * tickets and cursors and join again. `rejoin`: no endpoint answers, ask for new ones. `end`: it is over for good.
 */

/**
 * What happened.
 * @typedef {{is: 'start'}
 *   | {is: 'stop'}
 *   | {is: 'tick'}
 *   | {is: 'hurry'}
 *   | {is: 'cut'}
 *   | {is: 'endpoints', list: Endpoint[]}
 *   | {is: 'opened'}
 *   | {is: 'frame', frame: Frame}
 *   | {is: 'sent'}
 *   | {is: 'closed', code: number}} LinkEvent
 *
 * `hurry`: the network is back, a wait may end now. `cut`: the user wants another socket.
 */

/** Ends of a socket that nobody has said. */
const NO_ANSWER = ['connect_timeout', 'no_welcome', 'silent'];

/**
 * The life of the one socket, as a machine without I/O: `step` takes what happened and the time, and answers what to do.
 * `wakeMs` says when it wants the next `tick`.
 */
export class Link {
  /** @type {'idle' | 'resting' | 'connecting' | 'greeting' | 'open' | 'ended'} */
  #phase = 'idle';
  #endpoints = new Endpoints();
  /** @type {Endpoint | null} */
  #current = null;
  /** Sockets lost one after the other without a stable one between. */
  #lost = 0;
  #mended = 0;
  /** The region whose last endpoint gave no answer in time. @type {string | null} */
  #muteRegion = null;
  #deadlineMs = Infinity;
  #openSinceMs = 0;
  #heardMs = 0;
  #spokeMs = 0;
  /** When a ping without an answer yet went out. @type {number | null} */
  #pingMs = null;
  #pingEveryMs = PING_MS;
  #region = '';
  #node = '';
  #reason = '';
  #client;
  #random;
  /** Position in `!all`. @type {string | undefined} */
  #cursor;

  /**
   * @param {{client: string, version: string}} client
   * @param {() => number} random In [0, 1).
   */
  constructor(client, random) {
    this.#client = client;
    this.#random = random;
  }

  /** @returns {ConnectionState} */
  get state() {
    const phases = /** @type {const} */ ({ idle: 'idle', resting: 'waiting', connecting: 'connecting', greeting: 'connecting', open: 'open', ended: 'closed' });
    const phase = phases[this.#phase];
    const retryAtMs = this.#phase === 'resting' ? this.#deadlineMs : 0;
    return { phase, endpoint: this.#current, region: this.#region, node: this.#node, retryAtMs, reason: this.#reason };
  }

  get up() {
    return this.#phase === 'open';
  }

  /** When the next `tick` is wanted, ms; Infinity: never. */
  get wakeMs() {
    if (this.#phase !== 'open') return this.#deadlineMs;
    if (this.#pingMs !== null) return this.#pingMs + PONG_WAIT_MS;
    return Math.min(this.#heardMs + this.#pingEveryMs, this.#spokeMs + SPEAK_MS);
  }

  /**
   * @param {LinkEvent} event
   * @param {number} nowMs
   * @returns {LinkAction[]}
   */
  step(event, nowMs) {
    if (this.#phase === 'ended') return [];
    switch (event.is) {
      case 'start':
        return this.#phase === 'idle' ? this.#connect(nowMs) : [];
      case 'stop':
        return this.#stop('closed');
      case 'tick':
        return this.#tick(nowMs);
      case 'hurry':
        return this.#phase === 'resting' ? this.#connect(nowMs) : [];
      case 'cut':
        return this.#socketOpen() ? [{ do: 'drop' }, ...this.#lose('cut', SHUN_MS, false, nowMs)] : [];
      case 'endpoints':
        this.#endpoints.set(event.list);
        return this.#phase === 'resting' && this.#current === null ? this.#connect(nowMs) : [];
      case 'opened':
        return this.#phase === 'connecting' ? this.#greet(nowMs) : [];
      case 'sent':
        this.#spokeMs = nowMs;
        return [];
      case 'frame':
        return this.#frame(event.frame, nowMs);
      case 'closed':
        return this.#socketOpen() ? this.#closed(event.code, nowMs) : [];
    }
  }

  #socketOpen() {
    return this.#phase === 'connecting' || this.#phase === 'greeting' || this.#phase === 'open';
  }

  /** @param {string} reason @returns {LinkAction[]} */
  #stop(reason) {
    const open = this.#socketOpen();
    const up = this.up;
    this.#phase = 'idle';
    this.#deadlineMs = Infinity;
    this.#lost = 0;
    this.#reason = reason;
    this.#leave();
    return [...(up ? [/** @type {const} */ ({ do: 'down' })] : []), ...(open ? [/** @type {const} */ ({ do: 'drop' })] : []), { do: 'state' }];
  }

  #leave() {
    this.#region = '';
    this.#node = '';
    this.#pingMs = null;
    this.#pingEveryMs = PING_MS;
  }

  /** @param {number} nowMs @returns {LinkAction[]} */
  #connect(nowMs) {
    this.#current = this.#endpoints.pick(nowMs);
    if (!this.#current) return [...this.#rest(backoffMs(this.#lost++, this.#random()), nowMs), { do: 'rejoin' }];
    this.#phase = 'connecting';
    const { region } = this.#current;
    const hasty = region === this.#muteRegion && this.#endpoints.leadsBeyond(region);
    this.#deadlineMs = nowMs + (hasty ? HASTY_WAIT_MS : CONNECT_WAIT_MS);
    return [{ do: 'open', url: this.#current.url }, { do: 'state' }];
  }

  /** @param {number} waitMs @param {number} nowMs @returns {LinkAction[]} */
  #rest(waitMs, nowMs) {
    this.#phase = 'resting';
    this.#deadlineMs = nowMs + waitMs;
    return [{ do: 'state' }];
  }

  /** @param {number} nowMs @returns {LinkAction[]} */
  #greet(nowMs) {
    this.#phase = 'greeting';
    this.#deadlineMs = nowMs + WELCOME_WAIT_MS;
    this.#spokeMs = nowMs;
    const cursor = this.#cursor === undefined ? {} : { cursor: this.#cursor };
    return [{ do: 'send', frame: { type: 'hello', ...this.#client, ...cursor } }];
  }

  /** @param {number} nowMs @returns {LinkAction[]} */
  #tick(nowMs) {
    if (nowMs < this.wakeMs) return [];
    switch (this.#phase) {
      case 'resting':
        return this.#connect(nowMs);
      case 'connecting':
        return [{ do: 'drop' }, ...this.#lose('connect_timeout', SHUN_MS, false, nowMs)];
      case 'greeting':
        return [{ do: 'drop' }, ...this.#lose('no_welcome', SHUN_MS, false, nowMs)];
      case 'open':
        if (this.#pingMs !== null) return [{ do: 'drop' }, ...this.#lose('silent', SHUN_MS, false, nowMs)];
        this.#pingMs = nowMs;
        this.#spokeMs = nowMs;
        return [{ do: 'send', frame: { type: 'ping' } }];
      default:
        return [];
    }
  }

  /** @param {Frame} frame @param {number} nowMs @returns {LinkAction[]} */
  #frame(frame, nowMs) {
    this.#heardMs = nowMs;
    this.#pingMs = null;
    if (typeof frame.cursor === 'string' && (frame.type === 'welcome' || frame.room === '!all')) this.#cursor = frame.cursor;
    switch (frame.type) {
      case 'welcome':
        return this.#phase === 'greeting' ? this.#welcome(frame, nowMs) : [];
      case 'endpoints':
        return this.step({ is: 'endpoints', list: readEndpoints(frame.endpoints) }, nowMs);
      case 'move':
        this.#endpoints.set(readEndpoints(frame.endpoints));
        return this.#socketOpen() ? [{ do: 'drop' }, ...this.#lose('move', SHUN_MOVED_MS, false, nowMs)] : [];
      default:
        return [];
    }
  }

  /** @param {Frame} frame @param {number} nowMs @returns {LinkAction[]} */
  #welcome(frame, nowMs) {
    this.#phase = 'open';
    this.#deadlineMs = Infinity;
    this.#openSinceMs = nowMs;
    this.#muteRegion = null;
    this.#region = String(frame.region ?? '');
    this.#node = String(frame.node ?? '');
    this.#reason = '';
    const pingMs = Number(frame.ping_ms);
    if (pingMs > 0) this.#pingEveryMs = Math.min(PING_MOST_MS, Math.max(PING_LEAST_MS, pingMs));
    return [{ do: 'state' }, { do: 'up' }];
  }

  /** @param {number} code @param {number} nowMs @returns {LinkAction[]} */
  #closed(code, nowMs) {
    const { reason, remedy } = onClose(code);
    if (remedy === 'end' || (remedy === 'mend' && this.#mended >= MEND_TRIES)) {
      const actions = this.#stop(reason).filter((action) => action.do !== 'drop');
      this.#phase = 'ended';
      return [...actions, { do: 'end', code: reason }];
    }
    if (remedy === 'mend') {
      this.#mended += 1;
      this.#cursor = undefined;
      return [...this.#lose(reason, 0, true, nowMs), { do: 'mend' }];
    }
    return this.#lose(reason, code === 1012 ? SHUN_MOVED_MS : SHUN_MS, remedy === 'later', nowMs);
  }

  /**
   * Two endpoints of one region that do not even refuse: the way there is cut, and each further one would cost seconds.
   * @param {string} reason
   * @param {number} nowMs
   */
  #noteSilence(reason, nowMs) {
    if (!this.#current || !NO_ANSWER.includes(reason)) return;
    const { region } = this.#current;
    if (this.#muteRegion === region) this.#endpoints.shunRegion(region, nowMs + SHUN_MS);
    this.#muteRegion = region;
  }

  /**
   * The socket is gone: the next endpoint, at once while there is one that has not been tried, else after a back-off.
   * @param {string} reason
   * @param {number} shunMs
   * @param {boolean} later Wait in any case.
   * @param {number} nowMs
   * @returns {LinkAction[]}
   */
  #lose(reason, shunMs, later, nowMs) {
    const wasUp = this.up;
    if (wasUp && nowMs - this.#openSinceMs >= STABLE_MS) [this.#lost, this.#mended] = [0, 0];
    const untried = Math.max(1, this.#endpoints.size - 1);
    const tries = this.#lost++;
    if (this.#current && shunMs > 0) this.#endpoints.shun(this.#current.url, nowMs + shunMs);
    this.#noteSilence(reason, nowMs);
    this.#reason = reason;
    this.#leave();
    /** @type {LinkAction[]} */
    const actions = wasUp ? [{ do: 'down' }] : [];
    if (later || tries >= untried) {
      actions.push(...this.#rest(backoffMs(Math.max(0, tries - untried), this.#random()), nowMs));
      if (tries % untried === 0) actions.push({ do: 'rejoin' });
      return actions;
    }
    // A node says `move` to its viewers one after the other; those of a dead one must spread themselves.
    const spreadMs = tries === 0 && reason !== 'move' ? Math.round(this.#random() * SPREAD_MS) : 0;
    actions.push(...(spreadMs > 0 ? this.#rest(spreadMs, nowMs) : this.#connect(nowMs)));
    return actions;
  }
}
