/** @import { Endpoint } from './types.js' */
/**
 * How long to wait before try number `tries` (0 is the first repeated one).
 * @param {number} tries
 * @param {number} random In [0, 1).
 */
export function backoffMs(tries: number, random: number): number;
/**
 * Reads a list of endpoints from outside; what is no endpoint is left out.
 * @param {unknown} list
 * @returns {Endpoint[]}
 */
export function readEndpoints(list: unknown): Endpoint[];
/**
 * The endpoints in their order, and which of them to pass over for now.
 */
export class Endpoints {
    /**
     * A new list takes the old one's place. An empty one is no news.
     * @param {Endpoint[]} list
     */
    set(list: Endpoint[]): void;
    get size(): number;
    /**
     * @param {string} url
     * @param {number} untilMs
     */
    shun(url: string, untilMs: number): void;
    /**
     * A whole region is passed over, as far as there is another.
     * @param {string} region
     * @param {number} untilMs
     */
    shunRegion(region: string, untilMs: number): void;
    /**
     * Whether there is an endpoint outside a region.
     * @param {string} region
     */
    leadsBeyond(region: string): boolean;
    /**
     * The first that is not passed over; when all are, the one that is so for the shortest time.
     * @param {number} nowMs
     * @returns {Endpoint | null}
     */
    pick(nowMs: number): Endpoint | null;
    #private;
}
import type { Endpoint } from './types.js';
