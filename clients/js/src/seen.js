import { SEEN } from './limits.js';

/**
 * The last so many words. Adding forgets the oldest.
 */
export class Seen {
  /** @type {Set<string>} */
  #words = new Set();
  #bound;

  /** @param {number} [bound] */
  constructor(bound = SEEN) {
    this.#bound = bound;
  }

  /** @param {string} word */
  has(word) {
    return this.#words.has(word);
  }

  /**
   * @param {string} word
   * @returns {boolean} Was it new?
   */
  add(word) {
    if (this.#words.has(word)) return false;
    this.#words.add(word);
    if (this.#words.size > this.#bound) this.#words.delete(/** @type {string} */ (this.#words.values().next().value));
    return true;
  }

  get size() {
    return this.#words.size;
  }
}

/**
 * Which messages of a room were shown already. The cursor is what makes each come once; this holds when a message was
 * published twice (two regions that were cut off from each other), or was shown before the stream brought it.
 */
export class Shown {
  #ids = new Seen();
  #keys = new Seen();

  /** @param {string} id */
  has(id) {
    return this.#ids.has(id);
  }

  /**
   * @param {{id: string, sub: string, key?: string}} message
   * @returns {boolean} Is it to be shown? Of one (subject, key) only the first is.
   */
  add(message) {
    if (!this.#ids.add(message.id)) return false;
    return !message.key || this.#keys.add(`${message.sub} ${message.key}`);
  }
}
