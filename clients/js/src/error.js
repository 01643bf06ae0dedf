/**
 * One error for all that can go wrong: told by `code`, and by `status` where HTTP said so.
 */
export class TidegateError extends Error {
  /**
   * @param {string} code A word to decide by: the problem's or frame's code, `unreachable`, `timeout`, `aborted`, `busy`, `closed` …
   * @param {string} message For people.
   * @param {{status?: number, retryAfterMs?: number, room?: string, key?: string, cause?: unknown}} [more]
   */
  constructor(code, message, more = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'TidegateError';
    /** @type {string} */
    this.code = code;
    /** HTTP status, or 0. @type {number} */
    this.status = more.status ?? 0;
    /** How long the edge asked to wait, or 0. @type {number} */
    this.retryAfterMs = more.retryAfterMs ?? 0;
    /** The room it is about, or empty. @type {string} */
    this.room = more.room ?? '';
    /** The idempotency key of a publish that failed, or empty. @type {string} */
    this.key = more.key ?? '';
  }
}
