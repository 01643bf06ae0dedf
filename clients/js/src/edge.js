import { TidegateError } from './error.js';
import { CALL_WAIT_MS } from './limits.js';
import { Edges, Retry, retryAfterMs, verdict } from './retry.js';

/** @import { Clock, Options } from './types.js' */

/**
 * @typedef {object} Call
 * @property {unknown} [body] Sent as JSON.
 * @property {string} [key] Idempotency key.
 * @property {string} [room] For the error.
 * @property {number} patienceMs How long to go on trying; 0: each edge once.
 * @property {AbortSignal} [signal]
 */

/**
 * Reads the claims of a token without checking them: it is the user's own.
 * @param {string} token
 * @returns {{sub?: string, exp?: number, info?: any}}
 */
export function claims(token) {
  try {
    const text = atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'));
    const value = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (sign) => sign.charCodeAt(0))));
    return value !== null && typeof value === 'object' ? value : {};
  } catch {
    return {};
  }
}

/**
 * The code of a problem (RFC 9457): the last part of its type.
 * @param {any} problem
 * @param {number} status
 */
function codeOf(problem, status) {
  const type = typeof problem?.type === 'string' ? problem.type : '';
  const last = type.split(/[/#:]/).filter(Boolean).pop();
  return last && last !== 'blank' ? last : `http_${status}`;
}

/**
 * HTTP calls to the edge: the token, a time limit, retries, and errors told one way.
 */
export class Edge {
  #edges;
  #fetch;
  #clock;
  #random;
  #source;
  /** @type {string | null} */
  #token = null;
  #closing = new AbortController();

  /**
   * @param {Options} options
   * @param {Clock} clock
   * @param {() => number} random
   */
  constructor(options, clock, random) {
    const urls = options.edges.map((edge) => edge.replace(/\/+$/, ''));
    if (urls.length === 0 || urls.some((url) => !/^https?:\/\//.test(url))) {
      throw new TidegateError('bad_options', 'edges: give at least one http: or https: URL');
    }
    this.#edges = new Edges(urls);
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
    this.#clock = clock;
    this.#random = random;
    this.#source = options.token;
  }

  /** The token in use, or empty for a guest. */
  async token() {
    if (this.#token !== null && !this.#stale(this.#token)) return this.#token;
    try {
      this.#token = typeof this.#source === 'function' ? await this.#source() : (this.#source ?? '');
    } catch (cause) {
      throw new TidegateError('token', `The token could not be had: ${/** @type {any} */ (cause)?.message ?? cause}`, { cause });
    }
    return this.#token;
  }

  /** The next call asks for a token again. */
  forgetToken() {
    this.#token = null;
  }

  /** @param {string} token */
  #stale(token) {
    const { exp } = claims(token);
    return typeof this.#source === 'function' && typeof exp === 'number' && exp * 1000 - 30_000 <= this.#clock.now();
  }

  /** Ends every call. */
  close() {
    this.#closing.abort();
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Call} call
   * @returns {Promise<any>} The answer's JSON; null when it has none.
   */
  async call(method, path, call) {
    const retry = new Retry(this.#edges, this.#clock.now(), call.patienceMs, this.#random);
    let renewed = false;
    for (;;) {
      this.#check(call);
      const { outcome, answer, error } = await this.#once(method, this.#edges.url(retry.index) + path, call);
      if (verdict(outcome.status) === 'done') {
        retry.next(outcome, this.#clock.now());
        return answer;
      }
      this.#check(call);
      if (outcome.status === 401 && !renewed && typeof this.#source === 'function') {
        renewed = true;
        this.forgetToken();
        continue;
      }
      const waitMs = retry.next(outcome, this.#clock.now());
      if (waitMs === null) throw error;
      await this.#sleep(waitMs, call.signal);
    }
  }

  /** @param {Call} call */
  #check(call) {
    if (this.#closing.signal.aborted) throw new TidegateError('closed', 'The client was closed', { room: call.room, key: call.key });
    if (call.signal?.aborted) throw new TidegateError('aborted', 'The call was ended by its signal', { room: call.room, key: call.key });
  }

  /**
   * @param {string} method
   * @param {string} url
   * @param {Call} call
   */
  async #once(method, url, call) {
    const more = { room: call.room, key: call.key };
    /** @type {Record<string, string>} */
    const headers = { accept: 'application/json' };
    const token = await this.token();
    if (token) headers.authorization = `Bearer ${token}`;
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    if (call.key !== undefined) headers['idempotency-key'] = call.key;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);

    const ending = new AbortController();
    const end = () => ending.abort();
    const timer = this.#clock.setTimeout(end, CALL_WAIT_MS);
    const signals = [this.#closing.signal, ...(call.signal ? [call.signal] : [])];
    for (const signal of signals) signal.addEventListener('abort', end);
    try {
      const response = await this.#fetch(url, { method, headers, body, signal: ending.signal, credentials: 'omit', cache: 'no-store' });
      const answer = await response.json().catch(() => null);
      const outcome = { status: response.status, retryAfterMs: retryAfterMs(response.headers.get('retry-after'), this.#clock.now()) };
      const text = answer?.detail ?? answer?.title ?? `${method} ${path(url)} was answered with ${response.status}`;
      return { outcome, answer, error: new TidegateError(codeOf(answer, response.status), text, { ...more, ...outcome }) };
    } catch (cause) {
      const code = ending.signal.aborted ? 'timeout' : 'unreachable';
      const text = ending.signal.aborted ? `${url} gave no answer in time` : `${url} is out of reach`;
      return { outcome: { status: 0, retryAfterMs: 0 }, answer: null, error: new TidegateError(code, text, { ...more, cause }) };
    } finally {
      this.#clock.clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', end);
    }
  }

  /**
   * @param {number} ms
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<void>}
   */
  #sleep(ms, signal) {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const signals = [this.#closing.signal, ...(signal ? [signal] : [])];
      const done = () => {
        this.#clock.clearTimeout(timer);
        for (const each of signals) each.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.#clock.setTimeout(done, ms);
      for (const each of signals) each.addEventListener('abort', done);
    });
  }
}

/** @param {string} url */
function path(url) {
  return new URL(url).pathname;
}
