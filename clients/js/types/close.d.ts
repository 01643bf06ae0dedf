/**
 * A code that is not in the table is a lost connection.
 * @param {number} code
 * @returns {{reason: string, remedy: Remedy}}
 */
export function onClose(code: number): {
    reason: string;
    remedy: Remedy;
};
/**
 * What to do when a socket was closed with a code (docs/protocol.md).
 *
 * - `next`: connect to another endpoint, with the cursors.
 * - `later`: the same after a back-off.
 * - `mend`: what was said was refused; forget tickets and cursors, join again, then connect.
 * - `end`: a service does not want this subject here.
 */
export type Remedy = "next" | "later" | "mend" | "end";
