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
export function claims(token: string): {
    sub?: string;
    exp?: number;
    info?: any;
};
/**
 * HTTP calls to the edge: the token, a time limit, retries, and errors told one way.
 */
export class Edge {
    /**
     * @param {Options} options
     * @param {Clock} clock
     * @param {() => number} random
     */
    constructor(options: Options, clock: Clock, random: () => number);
    /** The token in use, or empty for a guest. */
    token(): Promise<string>;
    /** The next call asks for a token again. */
    forgetToken(): void;
    /** Ends every call. */
    close(): void;
    /**
     * @param {string} method
     * @param {string} path
     * @param {Call} call
     * @returns {Promise<any>} The answer's JSON; null when it has none.
     */
    call(method: string, path: string, call: Call): Promise<any>;
    #private;
}
export type Call = {
    /**
     * Sent as JSON.
     */
    body?: unknown;
    /**
     * Idempotency key.
     */
    key?: string | undefined;
    /**
     * For the error.
     */
    room?: string | undefined;
    /**
     * How long to go on trying; 0: each edge once.
     */
    patienceMs: number;
    signal?: AbortSignal | undefined;
};
import type { Options } from './types.js';
import type { Clock } from './types.js';
