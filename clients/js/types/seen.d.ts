/**
 * The last so many words. Adding forgets the oldest.
 */
export class Seen {
    /** @param {number} [bound] */
    constructor(bound?: number);
    /** @param {string} word */
    has(word: string): boolean;
    /**
     * @param {string} word
     * @returns {boolean} Was it new?
     */
    add(word: string): boolean;
    get size(): number;
    #private;
}
/**
 * Which messages of a room were shown already. The cursor is what makes each come once; this holds when a message was
 * published twice (two regions that were cut off from each other), or was shown before the stream brought it.
 */
export class Shown {
    /** @param {string} id */
    has(id: string): boolean;
    /**
     * @param {{id: string, sub: string, key?: string}} message
     * @returns {boolean} Is it to be shown? Of one (subject, key) only the first is.
     */
    add(message: {
        id: string;
        sub: string;
        key?: string;
    }): boolean;
    #private;
}
