/**
 * @param {string} id `region-ms-seq`; a region's name may hold hyphens itself.
 * @returns {{region: string, ms: number, seq: number} | null} Nothing when it is no message id.
 */
export function parseId(id: string): {
    region: string;
    ms: number;
    seq: number;
} | null;
/**
 * The order of history: by ms, then sequence, then region. Between messages of one region it is the stream's order.
 * @param {string} a
 * @param {string} b
 * @returns {number} Below, above or equal to 0, as `Array.sort` wants it.
 */
export function compareIds(a: string, b: string): number;
/**
 * Did `a` come before `b` in the same region's log? False when they are of two regions: those have no order.
 * @param {string} a
 * @param {string} b
 */
export function precedes(a: string, b: string): boolean;
/**
 * The short hash that frames carry of an idempotency key.
 * @param {string} key
 */
export function keyHash(key: string): string;
/** A random UUID (version 4), also where a page is not served securely and `crypto.randomUUID` is absent. */
export function uuid(): string;
