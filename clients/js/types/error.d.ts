/**
 * One error for all that can go wrong: told by `code`, and by `status` where HTTP said so.
 */
export class TidegateError extends Error {
    /**
     * @param {string} code A word to decide by: the problem's or frame's code, `unreachable`, `timeout`, `aborted`, `busy`, `closed` …
     * @param {string} message For people.
     * @param {{status?: number, retryAfterMs?: number, room?: string, key?: string, cause?: unknown}} [more]
     */
    constructor(code: string, message: string, more?: {
        status?: number;
        retryAfterMs?: number;
        room?: string;
        key?: string;
        cause?: unknown;
    });
    /** @type {string} */
    code: string;
    /** HTTP status, or 0. @type {number} */
    status: number;
    /** How long the edge asked to wait, or 0. @type {number} */
    retryAfterMs: number;
    /** The room it is about, or empty. @type {string} */
    room: string;
    /** The idempotency key of a publish that failed, or empty. @type {string} */
    key: string;
}
