import { sha256 } from './sha256.js';

/**
 * @param {string} id `region-ms-seq`; a region's name may hold hyphens itself.
 * @returns {{region: string, ms: number, seq: number} | null} Nothing when it is no message id.
 */
export function parseId(id) {
  const found = /^([a-z0-9-]{1,16})-(\d{1,16})-(\d{1,16})$/.exec(id);
  return found && { region: found[1], ms: Number(found[2]), seq: Number(found[3]) };
}

/**
 * The order of history: by ms, then sequence, then region. Between messages of one region it is the stream's order.
 * @param {string} a
 * @param {string} b
 * @returns {number} Below, above or equal to 0, as `Array.sort` wants it.
 */
export function compareIds(a, b) {
  const x = parseId(a);
  const y = parseId(b);
  if (!x || !y) return a < b ? -1 : Number(a > b);
  return x.ms - y.ms || x.seq - y.seq || (x.region < y.region ? -1 : Number(x.region > y.region));
}

/**
 * Did `a` come before `b` in the same region's log? False when they are of two regions: those have no order.
 * @param {string} a
 * @param {string} b
 */
export function precedes(a, b) {
  return parseId(a)?.region === parseId(b)?.region && compareIds(a, b) < 0;
}

/**
 * The short hash that frames carry of an idempotency key.
 * @param {string} key
 */
export function keyHash(key) {
  return sha256(key).slice(0, 16);
}

/** A random UUID (version 4), also where a page is not served securely and `crypto.randomUUID` is absent. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
