/** The demo's own back end, on the page's origin: settings, a token for a chosen name, gifts. */

import { TidegateError } from '/tidegate/index.js';

const WAIT_MS = 10_000;

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<any>}
 */
async function call(path, init = {}) {
  let response;
  try {
    response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(WAIT_MS), ...init });
  } catch (cause) {
    throw new TidegateError('unreachable', 'The demo back end is out of reach', { cause });
  }
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1000;
  throw new TidegateError(`http_${response.status}`, answer?.detail ?? answer?.title ?? `${path}: ${response.status}`, { status: response.status, retryAfterMs });
}

const json = (body, headers = {}) => ({ method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });

/** @returns {Promise<{edges: string[], room: string}>} */
export const settings = () => call('/demo/config');

/** @param {string} name @returns {Promise<{token: string, sub: string}>} */
export const tokenFor = (name) => call('/demo/token', json({ name }));

/** @param {string} gift @param {string} token */
export const sendGift = (gift, token) => call('/demo/gift', json({ gift, count: 1 }, { authorization: `Bearer ${token}` }));
