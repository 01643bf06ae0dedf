import { BACKOFF_FIRST_MS, BACKOFF_MOST_MS, ENDPOINTS } from './limits.js';

/** @import { Endpoint } from './types.js' */

/**
 * How long to wait before try number `tries` (0 is the first repeated one).
 * @param {number} tries
 * @param {number} random In [0, 1).
 */
export function backoffMs(tries, random) {
  const whole = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(tries, 16));
  return Math.round(whole / 2 + (random * whole) / 2);
}

/**
 * Reads a list of endpoints from outside; what is no endpoint is left out.
 * @param {unknown} list
 * @returns {Endpoint[]}
 */
export function readEndpoints(list) {
  if (!Array.isArray(list)) return [];
  const good = list.filter((e) => typeof e?.url === 'string' && /^wss?:\/\//.test(e.url));
  return good.slice(0, ENDPOINTS).map((e) => ({ region: String(e.region ?? ''), url: e.url }));
}

/**
 * The endpoints in their order, and which of them to pass over for now.
 */
export class Endpoints {
  /** @type {Endpoint[]} */
  #list = [];
  /** @type {Map<string, number>} */
  #shunned = new Map();

  /**
   * A new list takes the old one's place. An empty one is no news.
   * @param {Endpoint[]} list
   */
  set(list) {
    if (list.length === 0) return;
    this.#list = list;
    for (const url of this.#shunned.keys()) if (!list.some((e) => e.url === url)) this.#shunned.delete(url);
  }

  get size() {
    return this.#list.length;
  }

  /**
   * @param {string} url
   * @param {number} untilMs
   */
  shun(url, untilMs) {
    this.#shunned.set(url, Math.max(untilMs, this.#shunned.get(url) ?? 0));
  }

  /**
   * A whole region is passed over, as far as there is another.
   * @param {string} region
   * @param {number} untilMs
   */
  shunRegion(region, untilMs) {
    for (const endpoint of this.#list) if (endpoint.region === region) this.shun(endpoint.url, untilMs);
  }

  /**
   * Whether there is an endpoint outside a region.
   * @param {string} region
   */
  leadsBeyond(region) {
    return this.#list.some((endpoint) => endpoint.region !== region);
  }

  /**
   * The first that is not passed over; when all are, the one that is so for the shortest time.
   * @param {number} nowMs
   * @returns {Endpoint | null}
   */
  pick(nowMs) {
    /** @type {Endpoint | null} */
    let best = null;
    let bestUntil = Infinity;
    for (const endpoint of this.#list) {
      const until = this.#shunned.get(endpoint.url) ?? 0;
      if (until <= nowMs) return endpoint;
      if (until < bestUntil) [best, bestUntil] = [endpoint, until];
    }
    return best;
  }
}
