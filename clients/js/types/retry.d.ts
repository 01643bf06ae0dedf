/**
 * What came of one HTTP call. `status` 0: no answer (network, time-out).
 * @typedef {{status: number, retryAfterMs: number}} Outcome
 */
/**
 * @param {number} status
 * @returns {'done' | 'refused' | 'wait' | 'unreachable'}
 */
export function verdict(status: number): "done" | "refused" | "wait" | "unreachable";
/**
 * `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3).
 * @param {string | null} header
 * @param {number} nowMs
 * @returns {number} ms, 0 when absent or unreadable.
 */
export function retryAfterMs(header: string | null, nowMs: number): number;
/**
 * The edges in their order, and which of them are out of reach for now.
 */
export class Edges {
    /** @param {string[]} urls */
    constructor(urls: string[]);
    /** @param {number} index */
    url(index: number): string;
    get size(): number;
    /** Where a new call begins: the first that is not out of reach, else the first. @param {number} nowMs */
    first(nowMs: number): number;
    /** @param {number} index @param {number} nowMs */
    outOfReach(index: number, nowMs: number): void;
    /** @param {number} index */
    reached(index: number): void;
    #private;
}
/**
 * One call with its retries: where the next try goes and when, or that there is none. It stays in the edge where it began
 * and goes elsewhere only when that one is out of reach, so that an idempotency key is known where it is used again.
 */
export class Retry {
    /**
     * @param {Edges} edges
     * @param {number} nowMs
     * @param {number} patienceMs At most 5 min are taken. 0: each edge is asked once.
     * @param {() => number} random In [0, 1).
     */
    constructor(edges: Edges, nowMs: number, patienceMs: number, random: () => number);
    /** The edge to ask now. */
    index: number;
    /**
     * @param {Outcome} outcome Of the last try.
     * @param {number} nowMs
     * @returns {number | null} ms to wait before the next try; null: give up, or it is done.
     */
    next(outcome: Outcome, nowMs: number): number | null;
    #private;
}
/**
 * What came of one HTTP call. `status` 0: no answer (network, time-out).
 */
export type Outcome = {
    status: number;
    retryAfterMs: number;
};
