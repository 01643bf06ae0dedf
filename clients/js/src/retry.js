import { backoffMs } from './endpoints.js';
import { EDGE_PATIENCE_MS, EDGE_SHUN_MS, PUBLISH_MOST_MS } from './limits.js';

/**
 * What came of one HTTP call. `status` 0: no answer (network, time-out).
 * @typedef {{status: number, retryAfterMs: number}} Outcome
 */

/**
 * @param {number} status
 * @returns {'done' | 'refused' | 'wait' | 'unreachable'}
 */
export function verdict(status) {
  if (status >= 200 && status < 300) return 'done';
  if (status === 0 || status === 502 || status === 504) return 'unreachable';
  if (status === 429 || status >= 500) return 'wait';
  return 'refused';
}

/**
 * `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3).
 * @param {string | null} header
 * @param {number} nowMs
 * @returns {number} ms, 0 when absent or unreadable.
 */
export function retryAfterMs(header, nowMs) {
  if (!header) return 0;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? 0 : Math.max(0, date - nowMs);
}

/**
 * The edges in their order, and which of them are out of reach for now.
 */
export class Edges {
  #urls;
  /** @type {number[]} */
  #untilMs;

  /** @param {string[]} urls */
  constructor(urls) {
    this.#urls = urls;
    this.#untilMs = urls.map(() => 0);
  }

  /** @param {number} index */
  url(index) {
    return this.#urls[index];
  }

  get size() {
    return this.#urls.length;
  }

  /** Where a new call begins: the first that is not out of reach, else the first. @param {number} nowMs */
  first(nowMs) {
    return Math.max(0, this.#untilMs.findIndex((until) => until <= nowMs));
  }

  /** @param {number} index @param {number} nowMs */
  outOfReach(index, nowMs) {
    this.#untilMs[index] = nowMs + EDGE_SHUN_MS;
  }

  /** @param {number} index */
  reached(index) {
    this.#untilMs[index] = 0;
  }
}

/**
 * One call with its retries: where the next try goes and when, or that there is none. It stays in the edge where it began
 * and goes elsewhere only when that one is out of reach, so that an idempotency key is known where it is used again.
 */
export class Retry {
  #edges;
  #random;
  #startMs;
  #patienceMs;
  #tries = 0;
  /** Failures in a row of the edge asked now. */
  #failures = 0;
  #sinceMs;
  /** Tries in one round over the edges that no back-off has to part. */
  #round = 0;
  /** The edge to ask now. */
  index;

  /**
   * @param {Edges} edges
   * @param {number} nowMs
   * @param {number} patienceMs At most 5 min are taken. 0: each edge is asked once.
   * @param {() => number} random In [0, 1).
   */
  constructor(edges, nowMs, patienceMs, random) {
    this.#edges = edges;
    this.#random = random;
    this.#startMs = nowMs;
    this.#patienceMs = Math.min(patienceMs, PUBLISH_MOST_MS);
    this.#sinceMs = nowMs;
    this.index = edges.first(nowMs);
  }

  /**
   * @param {Outcome} outcome Of the last try.
   * @param {number} nowMs
   * @returns {number | null} ms to wait before the next try; null: give up, or it is done.
   */
  next(outcome, nowMs) {
    const what = verdict(outcome.status);
    if (what === 'done' || what === 'refused') {
      this.#edges.reached(this.index);
      return null;
    }
    let waitMs = Math.max(outcome.retryAfterMs, backoffMs(this.#tries, this.#random()));
    this.#tries += 1;
    this.#failures += 1;
    if (this.#leaves(what, outcome.status, nowMs)) {
      this.#edges.outOfReach(this.index, nowMs);
      this.index = (this.index + 1) % this.#edges.size;
      this.#sinceMs = nowMs;
      this.#failures = 0;
      this.#round += 1;
      if (this.#round % this.#edges.size !== 0) waitMs = 0;
    }
    const patienceMs = waitMs === 0 ? PUBLISH_MOST_MS : this.#patienceMs;
    return nowMs + waitMs > this.#startMs + patienceMs ? null : waitMs;
  }

  /**
   * Is the edge out of reach? A single lost connection does not say so: the message may well have arrived.
   * @param {'wait' | 'unreachable'} what
   * @param {number} status
   * @param {number} nowMs
   */
  #leaves(what, status, nowMs) {
    if (this.#edges.size < 2) return false;
    if (what === 'unreachable') return this.#failures >= 2 || this.#patienceMs === 0;
    return status !== 429 && nowMs - this.#sinceMs >= EDGE_PATIENCE_MS;
  }
}
