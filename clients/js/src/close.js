/**
 * What to do when a socket was closed with a code (docs/protocol.md).
 *
 * - `next`: connect to another endpoint, with the cursors.
 * - `later`: the same after a back-off.
 * - `mend`: what was said was refused; forget tickets and cursors, join again, then connect.
 * - `end`: a service does not want this subject here.
 *
 * @typedef {'next' | 'later' | 'mend' | 'end'} Remedy
 */

/** @type {Record<number, {reason: string, remedy: Remedy}>} */
const TABLE = {
  1000: { reason: 'closed', remedy: 'next' },
  1001: { reason: 'going_away', remedy: 'next' },
  1002: { reason: 'protocol_error', remedy: 'mend' },
  1003: { reason: 'wrong_type', remedy: 'mend' },
  1007: { reason: 'bad_data', remedy: 'mend' },
  1009: { reason: 'too_big', remedy: 'mend' },
  1011: { reason: 'internal', remedy: 'next' },
  1012: { reason: 'restart', remedy: 'next' },
  4400: { reason: 'bad_frame', remedy: 'mend' },
  4401: { reason: 'hello_first', remedy: 'mend' },
  4403: { reason: 'disconnected', remedy: 'end' },
  4408: { reason: 'hello_timeout', remedy: 'next' },
  4409: { reason: 'bad_cursor', remedy: 'mend' },
  4410: { reason: 'idle', remedy: 'next' },
  4411: { reason: 'too_slow', remedy: 'next' },
  4429: { reason: 'too_many_frames', remedy: 'later' },
};

/**
 * A code that is not in the table is a lost connection.
 * @param {number} code
 * @returns {{reason: string, remedy: Remedy}}
 */
export function onClose(code) {
  return TABLE[code] ?? { reason: 'lost', remedy: 'next' };
}
