import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { onClose } from '../src/close.js';
import { claims } from '../src/edge.js';
import { Endpoints, backoffMs, readEndpoints } from '../src/endpoints.js';
import { compareIds, keyHash, parseId, precedes, uuid } from '../src/ids.js';
import { BACKOFF_MOST_MS } from '../src/limits.js';
import { Edges, Retry, retryAfterMs, verdict } from '../src/retry.js';
import { Seen, Shown } from '../src/seen.js';
import { sha256 } from '../src/sha256.js';

test('SHA-256 agrees with the platform, over every padding', () => {
  for (let n = 0; n < 200; n += 1) {
    const text = 'é漢x'.repeat(n).slice(0, n);
    assert.equal(sha256(text), createHash('sha256').update(text).digest('hex'));
  }
  assert.equal(keyHash('abc'), 'ba7816bf8f01cfea');
});

test('ids are ordered by time, sequence, region; regions with hyphens are read', () => {
  assert.deepEqual(parseId('us-east-1-17-3'), { region: 'us-east-1', ms: 17, seq: 3 });
  assert.equal(parseId('nothing'), null);
  const sorted = ['b-2-0', 'a-10-1', 'a-2-0', 'a-10-0', 'a-9-9'].sort(compareIds);
  assert.deepEqual(sorted, ['a-2-0', 'b-2-0', 'a-9-9', 'a-10-0', 'a-10-1']);
  assert.ok(precedes('a-1-0', 'a-1-1'));
  assert.ok(!precedes('a-1-0', 'b-2-0'), 'two regions have no order');
  assert.ok(!precedes('a-1-1', 'a-1-1'));
});

test('a made key is a UUID, with and without crypto.randomUUID', (t) => {
  const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  assert.match(uuid(), shape);
  t.mock.method(crypto, 'randomUUID');
  crypto.randomUUID = /** @type {any} */ (undefined);
  assert.match(uuid(), shape);
  assert.notEqual(uuid(), uuid());
});

test('back-off doubles, has jitter over its upper half, and a bound', () => {
  assert.equal(backoffMs(0, 0), 250);
  assert.equal(backoffMs(0, 0.999999), 500);
  assert.equal(backoffMs(3, 0), 2000);
  for (const tries of [6, 10, 1000]) {
    assert.equal(backoffMs(tries, 0), BACKOFF_MOST_MS / 2);
    assert.ok(backoffMs(tries, 0.999) <= BACKOFF_MOST_MS);
  }
});

test('an endpoint list is read with care', () => {
  assert.deepEqual(readEndpoints('x'), []);
  assert.deepEqual(readEndpoints([null, 3, { url: 'http://a' }, { url: 'ws://a', region: 'r', more: 1 }]), [{ region: 'r', url: 'ws://a' }]);
  assert.equal(readEndpoints(Array.from({ length: 99 }, (_, i) => ({ region: 'r', url: `ws://${i}` }))).length, 32);
});

test('endpoints: the first that is not passed over, else the one that will be free first', () => {
  const endpoints = new Endpoints();
  assert.equal(endpoints.pick(0), null);
  endpoints.set([{ region: 'r', url: 'ws://a' }, { region: 'r', url: 'ws://b' }]);
  endpoints.set([]);
  assert.equal(endpoints.pick(0)?.url, 'ws://a');
  endpoints.shun('ws://a', 100);
  assert.equal(endpoints.pick(50)?.url, 'ws://b');
  endpoints.shun('ws://b', 90);
  assert.equal(endpoints.pick(50)?.url, 'ws://b');
  endpoints.shun('ws://a', 60);
  assert.equal(endpoints.pick(95)?.url, 'ws://b', 'a shorter shun does not shorten a longer one');
  assert.equal(endpoints.pick(100)?.url, 'ws://a');
});

test('a set of seen words is bounded and forgets the oldest', () => {
  const seen = new Seen(3);
  assert.deepEqual(['a', 'b', 'a', 'c', 'd'].map((word) => seen.add(word)), [true, true, false, true, true]);
  assert.equal(seen.size, 3);
  assert.ok(!seen.has('a'));
  assert.ok(seen.has('b'));
});

test('of one subject and key only the first is shown; other subjects may use the same key', () => {
  const shown = new Shown();
  assert.ok(shown.add({ id: 'a-1-0', sub: 'bob', key: 'k' }));
  assert.ok(!shown.add({ id: 'a-1-0', sub: 'bob', key: 'k' }));
  assert.ok(!shown.add({ id: 'b-1-0', sub: 'bob', key: 'k' }));
  assert.ok(shown.add({ id: 'b-1-1', sub: 'eve', key: 'k' }));
  assert.ok(shown.add({ id: 'b-1-2', sub: 'bob' }));
  assert.ok(shown.add({ id: 'b-1-3', sub: 'bob' }));
});

test('close codes: reconnect, mend or end, as the table says', () => {
  for (const code of [1012, 4410, 4411, 1006, 1011]) assert.equal(onClose(code).remedy, 'next', String(code));
  for (const code of [4400, 4401, 4409]) assert.equal(onClose(code).remedy, 'mend', String(code));
  assert.equal(onClose(4403).remedy, 'end');
  assert.equal(onClose(4429).remedy, 'later');
  assert.deepEqual(onClose(4999), { reason: 'lost', remedy: 'next' });
});

test('claims are read from a token, whatever it is', () => {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  assert.deepEqual(claims(`${part({})}.${part({ sub: 'bob', info: { name: '小明' } })}.x`), { sub: 'bob', info: { name: '小明' } });
  for (const bad of ['', 'x', 'a.b.c', `x.${part(null)}.y`]) assert.deepEqual(claims(bad), {});
});

test('Retry-After is read in seconds and as a date', () => {
  assert.equal(retryAfterMs('3', 0), 3000);
  assert.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:09 GMT', 4000), 5000);
  assert.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:01 GMT', 4000), 0);
  for (const none of [null, '', 'soon', '-1']) assert.equal(retryAfterMs(none, 0), 0);
});

const answer = (status, retryAfterMs = 0) => ({ status, retryAfterMs });

test('what is refused is not tried again', () => {
  for (const status of [400, 401, 403, 404, 409, 413, 422]) {
    assert.equal(verdict(status), 'refused');
    assert.equal(new Retry(new Edges(['a', 'b']), 0, 1e6, () => 0).next(answer(status), 0), null);
  }
});

test('a retry stays in its edge, honours Retry-After, and ends within 5 min', () => {
  const retry = new Retry(new Edges(['a', 'b']), 0, 1e9, () => 0);
  assert.equal(retry.next(answer(429, 7000), 0), 7000);
  assert.equal(retry.next(answer(503, 2000), 7000), 2000);
  assert.equal(retry.index, 0);
  assert.equal(retry.next(answer(429, 300_001), 9000), null, 'never after 5 min');
  assert.equal(new Retry(new Edges(['a']), 0, 1e9, () => 0).next(answer(429, 299_999), 0), 299_999);
  assert.equal(new Retry(new Edges(['a']), 0, 5000, () => 0).next(answer(429, 6000), 0), null, 'nor after the caller\'s patience');
});

test('elsewhere only when the edge is out of reach', () => {
  const edges = new Edges(['a', 'b']);
  const retry = new Retry(edges, 0, 1e9, () => 0);
  assert.ok(retry.next(answer(0), 0) > 0);
  assert.equal(retry.index, 0, 'one lost connection does not say so');
  assert.equal(retry.next(answer(0), 1000), 0);
  assert.equal(retry.index, 1);
  assert.equal(edges.first(1000), 1, 'a new call begins elsewhere too');
  assert.equal(edges.first(31_000), 0);
  retry.next(answer(202), 1000);

  const slow = new Retry(new Edges(['a', 'b']), 0, 1e9, () => 0);
  for (let now = 0; now < 10_000; now += 1000) slow.next(answer(503, 1000), now);
  assert.equal(slow.index, 0);
  slow.next(answer(503, 1000), 10_000);
  assert.equal(slow.index, 1, '503 for 10 s is out of reach');
});

test('without patience each edge is asked once', () => {
  const retry = new Retry(new Edges(['a', 'b', 'c']), 0, 0, () => 0);
  assert.equal(retry.next(answer(0), 10), 0);
  assert.equal(retry.next(answer(502), 20), 0);
  assert.equal(retry.index, 2);
  assert.equal(retry.next(answer(0), 30), null);
});
