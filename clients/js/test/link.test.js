import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MEND_TRIES } from '../src/limits.js';
import { Link } from '../src/link.js';

const A = { region: 'r', url: 'ws://a' };
const B = { region: 'r', url: 'ws://b' };

/** A link with its endpoints, started; `random` 0 means no spread. */
function start(list = [A, B], random = () => 0) {
  const link = new Link({ client: 'test', version: '1' }, random);
  link.step({ is: 'endpoints', list }, 0);
  return { link, first: link.step({ is: 'start' }, 0) };
}

const what = (actions) => actions.map((action) => action.do);
const opened = (actions) => actions.find((action) => action.do === 'open')?.url;
const welcome = (more = {}) => ({ is: 'frame', frame: { type: 'welcome', region: 'r', node: 'n1', cursor: '1x', ping_ms: 10_000, ...more } });

/** @param {Link} link */
function open(link, nowMs) {
  link.step({ is: 'opened' }, nowMs);
  return link.step(welcome(), nowMs);
}

test('hello, welcome, open', () => {
  const { link, first } = start();
  assert.equal(opened(first), 'ws://a');
  assert.equal(link.state.phase, 'connecting');
  assert.deepEqual(link.step({ is: 'opened' }, 5), [{ do: 'send', frame: { type: 'hello', client: 'test', version: '1' } }]);
  assert.ok(!link.up);
  assert.deepEqual(what(link.step(welcome(), 10)), ['state', 'up']);
  assert.deepEqual(link.state, { phase: 'open', endpoint: A, region: 'r', node: 'n1', retryAtMs: 0, reason: '' });
});

test('a frame before welcome opens nothing, a second welcome changes nothing', () => {
  const { link } = start();
  link.step({ is: 'opened' }, 0);
  assert.deepEqual(link.step({ is: 'frame', frame: { type: 'pong' } }, 1), []);
  link.step(welcome(), 2);
  assert.deepEqual(link.step(welcome({ node: 'other' }), 3), []);
  assert.equal(link.state.node, 'n1');
});

test('the position in !all goes back in hello', () => {
  const { link } = start();
  open(link, 0);
  link.step({ is: 'frame', frame: { type: 'batch', room: 'some', cursor: '1other' } }, 1);
  link.step({ is: 'frame', frame: { type: 'batch', room: '!all', cursor: '1y' } }, 1);
  link.step({ is: 'closed', code: 1006 }, 6000);
  assert.equal(link.step({ is: 'opened' }, 6001)[0].frame.cursor, '1y');
});

test('a ping after 10 s without a frame; 3 s without an answer is the end', () => {
  const { link } = start();
  open(link, 0);
  assert.equal(link.wakeMs, 10_000);
  link.step({ is: 'frame', frame: { type: 'batch', room: 'x' } }, 4000);
  assert.equal(link.wakeMs, 14_000);
  assert.deepEqual(link.step({ is: 'tick' }, 13_999), []);
  assert.deepEqual(link.step({ is: 'tick' }, 14_000), [{ do: 'send', frame: { type: 'ping' } }]);
  assert.equal(link.wakeMs, 17_000);
  link.step({ is: 'frame', frame: { type: 'pong' } }, 14_100);
  assert.equal(link.wakeMs, 24_100);
  link.step({ is: 'tick' }, 24_100);
  const ended = link.step({ is: 'tick' }, 27_100);
  assert.deepEqual(what(ended), ['drop', 'down', 'open', 'state']);
  assert.equal(opened(ended), 'ws://b');
  assert.equal(link.state.reason, 'silent');
});

test('who only listens in a busy room still speaks before the node takes it for idle', () => {
  const { link } = start();
  open(link, 0);
  let pings = 0;
  for (let now = 1000; now <= 60_000; now += 1000) {
    link.step({ is: 'frame', frame: { type: 'batch', room: 'x' } }, now);
    if (now >= link.wakeMs) pings += link.step({ is: 'tick' }, now).length;
  }
  assert.equal(pings, 2);
});

test("a node's ping_ms is taken within bounds", () => {
  for (const [ping_ms, expected] of [[2000, 2000], [1, 1000], [1e9, 30_000], [-5, 10_000], ['x', 10_000]]) {
    const { link } = start();
    link.step({ is: 'opened' }, 0);
    link.step(welcome({ ping_ms }), 0);
    assert.equal(link.wakeMs, expected);
  }
});

test('no open and no welcome within 5 s: the next endpoint', () => {
  const { link } = start();
  assert.equal(opened(link.step({ is: 'tick' }, 5000)), 'ws://b');
  link.step({ is: 'opened' }, 5001);
  const lost = link.step({ is: 'tick' }, 10_001);
  assert.deepEqual(what(lost), ['drop', 'state', 'rejoin'], 'all were tried: back off, ask for new endpoints');
});

test('a lost socket: the other endpoint at once, then a growing back-off, each endpoint in turn', () => {
  const { link } = start();
  open(link, 0);
  assert.equal(opened(link.step({ is: 'closed', code: 1006 }, 6000)), 'ws://b');
  let now = 6000;
  const waits = [];
  const urls = [];
  for (let i = 0; i < 8; i += 1) {
    const actions = link.step({ is: 'closed', code: 1006 }, now);
    if (opened(actions)) {
      urls.push(opened(actions));
      continue;
    }
    waits.push(link.wakeMs - now);
    now = link.wakeMs;
    urls.push(opened(link.step({ is: 'tick' }, now)));
  }
  assert.deepEqual(waits.slice(0, 5), [250, 500, 1000, 2000, 4000]);
  assert.ok(urls.includes('ws://a') && urls.includes('ws://b'));
  assert.ok(waits.every((wait) => wait <= 30_000));
});

test('sockets that open and die at once do not make a storm', () => {
  const { link } = start([A]);
  let now = 0;
  let opens = 0;
  while (now < 60_000) {
    if (link.state.phase === 'connecting') {
      opens += 1;
      open(link, now);
      link.step({ is: 'closed', code: 1011 }, now + 10);
    }
    now = Math.max(now + 10, Math.min(link.wakeMs, 60_000));
    link.step({ is: 'tick' }, now);
  }
  assert.ok(opens < 12, `${opens} in a minute`);
});

test("a dead node's viewers spread themselves; those who were told to move do not wait", () => {
  const spread = start([A, B], () => 0.5).link;
  open(spread, 0);
  assert.equal(opened(spread.step({ is: 'closed', code: 1006 }, 6000)), undefined);
  assert.equal(spread.wakeMs, 6100);
  assert.equal(opened(spread.step({ is: 'tick' }, 6100)), 'ws://b');

  const moved = start([A, B], () => 0.5).link;
  open(moved, 0);
  const actions = moved.step({ is: 'frame', frame: { type: 'move', within_ms: 5000 } }, 6000);
  assert.deepEqual(what(actions), ['drop', 'down', 'open', 'state']);
  assert.equal(opened(actions), 'ws://b');
});

test('move with endpoints takes the new list', () => {
  const { link } = start();
  open(link, 0);
  const endpoints = [A, { region: 's', url: 'ws://c' }];
  assert.equal(opened(link.step({ is: 'frame', frame: { type: 'move', within_ms: 100, endpoints } }, 6000)), 'ws://c');
});

test('new endpoints while open are for the next time', () => {
  const { link } = start();
  open(link, 0);
  assert.deepEqual(link.step({ is: 'frame', frame: { type: 'endpoints', endpoints: [{ region: 'r', url: 'ws://d' }] } }, 10), []);
  assert.equal(opened(link.step({ is: 'closed', code: 1012 }, 6000)), 'ws://d');
});

test('without any endpoint it asks for some, and connects when they come', () => {
  const { link, first } = start([]);
  assert.deepEqual(what(first), ['state', 'rejoin']);
  assert.equal(opened(link.step({ is: 'endpoints', list: [B] }, 10)), 'ws://b');
});

test('a refused state is mended a few times, then given up', () => {
  const { link } = start();
  let now = 0;
  for (let i = 0; i < MEND_TRIES; i += 1) {
    link.step({ is: 'opened' }, now);
    const actions = link.step({ is: 'closed', code: 4409 }, now);
    assert.ok(what(actions).includes('mend'));
    assert.ok(!what(actions).includes('open'), 'never at once');
    now = link.wakeMs;
    link.step({ is: 'tick' }, now);
  }
  link.step({ is: 'opened' }, now);
  assert.equal(link.step({ is: 'closed', code: 4409 }, now).at(-1).code, 'bad_cursor');
  assert.equal(link.state.phase, 'closed');
  assert.deepEqual(link.step({ is: 'start' }, now), []);
});

test('disconnected by a service: the end', () => {
  const { link } = start();
  open(link, 0);
  assert.deepEqual(what(link.step({ is: 'closed', code: 4403 }, 10)), ['down', 'state', 'end']);
  assert.equal(link.wakeMs, Infinity);
});

test('stop and start again; the network coming back ends a wait', () => {
  const { link } = start([A]);
  open(link, 0);
  assert.deepEqual(what(link.step({ is: 'stop' }, 10)), ['down', 'drop', 'state']);
  assert.deepEqual(link.step({ is: 'closed', code: 1000 }, 11), []);
  assert.equal(opened(link.step({ is: 'start' }, 20)), 'ws://a');
  for (let i = 0; i < 3; i += 1) link.step({ is: 'closed', code: 1006 }, 20);
  assert.equal(link.state.phase, 'waiting');
  assert.equal(opened(link.step({ is: 'hurry' }, 21)), 'ws://a');
});

test('two endpoints of a region that do not answer: the next is in another region', () => {
  const eu = ['ws://e1', 'ws://e2', 'ws://e3'].map((url) => ({ region: 'eu', url }));
  const { link } = start([...eu, { region: 'us', url: 'ws://u1' }]);
  open(link, 0);
  link.step({ is: 'tick' }, 10_000);
  assert.equal(opened(link.step({ is: 'tick' }, 13_000)), 'ws://e2', 'one may be alone with its trouble');
  assert.equal(link.wakeMs, 13_500, 'cut off without a word: within 14 s');
  assert.equal(opened(link.step({ is: 'tick' }, 13_500)), 'ws://u1');
  assert.equal(link.wakeMs, 18_500, 'another region is given all the time');
  open(link, 13_800);
  assert.equal(link.state.endpoint?.url, 'ws://u1');
});

test('a slow network is given time where there is no other region', () => {
  const { link } = start();
  open(link, 0);
  link.step({ is: 'tick' }, 10_000);
  assert.equal(opened(link.step({ is: 'tick' }, 13_000)), 'ws://b');
  assert.equal(link.wakeMs, 18_000);
});

test('one that refuses says nothing of its region', () => {
  const eu = ['ws://e1', 'ws://e2', 'ws://e3'].map((url) => ({ region: 'eu', url }));
  const { link } = start([...eu, { region: 'us', url: 'ws://u1' }]);
  assert.equal(opened(link.step({ is: 'closed', code: 1006 }, 10)), 'ws://e2');
  assert.equal(opened(link.step({ is: 'closed', code: 1006 }, 20)), 'ws://e3');
});

test('new endpoints while all is well change nothing until the socket is lost', () => {
  const { link } = start();
  open(link, 0);
  const C = { region: 'far', url: 'ws://c' };
  assert.deepEqual(link.step({ is: 'frame', frame: { type: 'endpoints', endpoints: [A, C] } }, 1000), []);
  assert.equal(opened(link.step({ is: 'closed', code: 1006 }, 6000)), 'ws://c');
});

test('a move to another region is taken at once, and leads there', () => {
  const { link } = start();
  open(link, 0);
  const moved = link.step({ is: 'frame', frame: { type: 'move', within_ms: 4000, endpoints: [{ region: 'far', url: 'ws://f' }] } }, 1000);
  assert.deepEqual(what(moved), ['drop', 'down', 'open', 'state']);
  assert.equal(opened(moved), 'ws://f');
});
