import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MEND_TRIES } from '../src/limits.js';
import { Subscription } from '../src/subscription.js';

const HOUR = 3_600_000;
const ticket = (name = 't1', expiresMs = HOUR) => ({ is: 'joined', ticket: name, expiresMs, cursor: '1start' });
const message = (n, more = {}) => ({ id: `r-${n}-0`, kind: 'chat', lane: 'chat', sub: 'bob', data: { text: `m${n}` }, at_ms: n, ...more });
const batch = (messages, more = {}) => ({ is: 'frame', frame: { type: 'batch', room: 'a', messages, cursor: `1c${messages.at(-1)?.id ?? ''}`, ...more } });
const error = (code) => ({ is: 'frame', frame: { type: 'error', room: 'a', code, message: code } });
const sent = (actions) => actions.filter((action) => action.do === 'send').map((action) => action.frame);
const shown = (actions) => actions.filter((action) => action.do === 'message').map((action) => action.message.id);
const what = (actions) => actions.map((action) => action.do);

/** Joined, socket up, first batch seen. */
function live() {
  const sub = new Subscription('a', () => 0);
  sub.step(ticket(), 0);
  sub.step({ is: 'up' }, 0);
  sub.step(batch([]), 0);
  assert.equal(sub.phase, 'live');
  return sub;
}

test('subscribes with the cursor of the join, then resumes with the last one it was given', () => {
  const sub = new Subscription('a', () => 0);
  assert.equal(sub.phase, 'joining');
  sub.step(ticket(), 0);
  assert.equal(sub.phase, 'waiting');
  assert.deepEqual(sent(sub.step({ is: 'up' }, 0)), [{ type: 'subscribe', room: 'a', ticket: 't1', cursor: '1start' }]);
  assert.equal(sub.phase, 'subscribing');
  assert.deepEqual(shown(sub.step(batch([message(1), message(2)]), 1)), ['r-1-0', 'r-2-0']);
  sub.step({ is: 'down' }, 2);
  assert.equal(sub.phase, 'waiting');
  assert.deepEqual(sent(sub.step({ is: 'up' }, 3)), [{ type: 'subscribe', room: 'a', ticket: 't1', cursor: '1cr-2-0' }]);
});

test('no id twice, of one subject and key the first only', () => {
  const sub = live();
  assert.deepEqual(shown(sub.step(batch([message(1), message(1), message(2, { key: 'k' })]), 1)), ['r-1-0', 'r-2-0']);
  assert.deepEqual(shown(sub.step(batch([message(2, { key: 'k' }), message(3, { key: 'k' }), message(4)]), 2)), ['r-4-0']);
});

test('counters and what was left out are told', () => {
  const sub = live();
  const actions = sub.step(batch([], { counters: { online: 3, likes: 9 }, left_out: 4 }), 1);
  assert.deepEqual(actions, [{ do: 'leftOut', count: 4 }, { do: 'counters', counters: { online: 3, likes: 9 } }]);
  assert.deepEqual(sub.step(batch([], { left_out: null }), 1), [{ do: 'leftOut', count: null }]);
  assert.deepEqual(sub.step(batch([], { left_out: 0, counters: { online: 'x' } }), 1), []);
});

test('reset goes on from its cursor and says so', () => {
  const sub = live();
  const actions = sub.step({ is: 'frame', frame: { type: 'reset', room: 'a', cursor: '1far', counters: { online: 1, likes: 2 } } }, 1);
  assert.deepEqual(what(actions), ['reset', 'counters']);
  assert.equal(sub.cursor, '1far');
});

test('an own message takes its place in the stream', () => {
  const sub = live();
  assert.deepEqual(sub.step({ is: 'accepted', message: message(5) }, 100), []);
  const actions = sub.step(batch([message(4), message(5, { data: { text: 'm**' } }), message(6)]), 120);
  assert.deepEqual(shown(actions), ['r-4-0', 'r-5-0', 'r-6-0']);
  assert.equal(actions[1].message.data.text, 'm**', 'as the stream has it');
  assert.equal(sub.wakeMs, HOUR * 0.8);
});

test('an own message that the stream brought before the answer is not shown again', () => {
  const sub = live();
  sub.step(batch([message(5)]), 90);
  assert.deepEqual(sub.step({ is: 'accepted', message: message(5) }, 100), []);
  assert.deepEqual(sub.step({ is: 'tick' }, 10_000), []);
});

test('an own message that was sampled out is shown as soon as the stream has passed it', () => {
  const sub = live();
  sub.step({ is: 'accepted', message: message(5) }, 100);
  const actions = sub.step(batch([message(4), message(7)], { left_out: 2 }), 110);
  assert.deepEqual(shown(actions), ['r-4-0', 'r-5-0', 'r-7-0']);
});

test('another region says nothing about the place of an own message', () => {
  const sub = live();
  sub.step({ is: 'accepted', message: message(5) }, 100);
  assert.deepEqual(shown(sub.step(batch([message(9, { id: 's-9-0' })]), 110)), ['s-9-0']);
  assert.deepEqual(shown(sub.step(batch([message(5)]), 120)), ['r-5-0']);
});

test('an own message does not wait for the stream longer than 250 ms, and is not shown again when it comes', () => {
  const sub = live();
  sub.step({ is: 'down' }, 50);
  sub.step({ is: 'accepted', message: message(5, { key: 'k' }) }, 100);
  assert.equal(sub.wakeMs, 350);
  assert.deepEqual(sub.step({ is: 'tick' }, 349), []);
  const actions = sub.step({ is: 'tick' }, 350);
  assert.deepEqual(shown(actions), ['r-5-0']);
  assert.equal(actions[0].message.early, true);
  sub.step({ is: 'up' }, 400);
  assert.deepEqual(shown(sub.step(batch([message(4), message(5, { key: 'k' }), message(6)]), 410)), ['r-4-0', 'r-6-0']);
});

test('what moderation made of an own message shown early is told', () => {
  const sub = live();
  sub.step({ is: 'accepted', message: message(5) }, 0);
  sub.step({ is: 'tick' }, 250);
  const actions = sub.step(batch([message(5, { data: { text: '***' } })]), 300);
  assert.deepEqual(what(actions), ['replaced']);
  assert.equal(actions[0].message.data.text, '***');
});

test('a ticket is renewed at 80 % of its life, by refresh, and the subscription goes on', () => {
  const sub = live();
  assert.equal(sub.wakeMs, HOUR * 0.8);
  assert.deepEqual(what(sub.step({ is: 'tick' }, HOUR * 0.8)), ['join']);
  assert.deepEqual(sub.step({ is: 'tick' }, HOUR * 0.8 + 1), [], 'one join at a time');
  assert.deepEqual(sub.step(ticket('t2', 2 * HOUR), HOUR * 0.8 + 50), [{ do: 'send', frame: { type: 'refresh', room: 'a', ticket: 't2' } }]);
  assert.equal(sub.phase, 'live');
});

test('a clock that is wrong neither renews in a loop nor never', () => {
  const fast = new Subscription('a', () => 0);
  fast.step({ is: 'joined', ticket: 't', expiresMs: 0, cursor: '1' }, 5 * HOUR);
  assert.equal(fast.wakeMs, 5 * HOUR + 30_000);
  const slow = new Subscription('a', () => 0);
  slow.step({ is: 'joined', ticket: 't', expiresMs: 9 * HOUR, cursor: '1' }, 0);
  assert.equal(slow.wakeMs, HOUR * 0.8);
});

test('a lapsed ticket: join again and resume where it was', () => {
  const sub = live();
  sub.step(batch([message(1)]), 1);
  assert.deepEqual(what(sub.step(error('ticket_expired'), 2)), ['join', 'state']);
  assert.equal(sub.phase, 'joining');
  assert.deepEqual(sent(sub.step(ticket('t2'), 3)), [{ type: 'subscribe', room: 'a', ticket: 't2', cursor: '1cr-1-0' }]);
});

test('try_again: the same subscribe after a second', () => {
  const sub = live();
  sub.step(batch([message(1)]), 1);
  assert.deepEqual(what(sub.step(error('try_again'), 100)), ['state']);
  assert.equal(sub.wakeMs, 1100);
  assert.deepEqual(sent(sub.step({ is: 'tick' }, 1100)), [{ type: 'subscribe', room: 'a', ticket: 't1', cursor: '1cr-1-0' }]);
});

test('a subscribe without an answer is sent again', () => {
  const sub = new Subscription('a', () => 0);
  sub.step(ticket(), 0);
  sub.step({ is: 'up' }, 0);
  assert.equal(sub.wakeMs, 10_000);
  assert.equal(sent(sub.step({ is: 'tick' }, 10_000)).length, 1);
});

test('errors that are for good end the room', () => {
  for (const code of ['banned', 'kicked', 'no_room', 'room_closed', 'too_many_rooms']) {
    const sub = live();
    assert.deepEqual(sub.step(error(code), 1), [{ do: 'error', code, text: code }, { do: 'state' }]);
    assert.equal(sub.phase, 'ended');
    assert.equal(sub.wakeMs, Infinity);
    assert.deepEqual(sub.step(batch([message(1)]), 2), []);
  }
});

test('a ticket that is refused again and again is given up', () => {
  const sub = live();
  let now = 1;
  for (let i = 0; i < MEND_TRIES; i += 1) {
    sub.step(error('bad_ticket'), now);
    now = sub.wakeMs;
    assert.deepEqual(what(sub.step({ is: 'tick' }, now)), ['join']);
    sub.step(ticket(`t${i}`, now + HOUR), now);
  }
  assert.deepEqual(what(sub.step(error('bad_ticket'), now)), ['error', 'state']);
});

test('a join that fails is tried again, one that is refused ends the room', () => {
  const sub = live();
  sub.step({ is: 'tick' }, HOUR * 0.8);
  sub.step({ is: 'refused', code: 'http_503', text: '', retryMs: 2000 }, HOUR * 0.8);
  assert.equal(sub.wakeMs, HOUR * 0.8 + 2000);
  assert.equal(sub.phase, 'live', 'the old ticket still holds');
  sub.step({ is: 'tick' }, sub.wakeMs);
  assert.deepEqual(sub.step({ is: 'refused', code: 'banned', text: 'no', retryMs: null }, HOUR).at(0), { do: 'error', code: 'banned', text: 'no' });
});

test('a refused cursor is a new beginning, said by reset', () => {
  const sub = live();
  sub.step({ is: 'down' }, 1);
  assert.deepEqual(what(sub.step({ is: 'mend' }, 1)), ['join', 'state']);
  sub.step({ is: 'up' }, 2);
  const actions = sub.step({ is: 'joined', ticket: 't2', expiresMs: HOUR, cursor: '1new' }, 3);
  assert.deepEqual(what(actions), ['reset', 'send', 'state']);
  assert.equal(sent(actions)[0].cursor, '1new');
});

test('another user: the subscription is replaced where it stands, also when a join was under way', () => {
  const sub = live();
  sub.step(batch([message(1)]), 1);
  assert.deepEqual(what(sub.step({ is: 'renew' }, 2)), ['join']);
  assert.deepEqual(sub.step({ is: 'renew' }, 3), []);
  const old = sub.step(ticket('old'), 4);
  assert.deepEqual(what(old), ['send', 'join', 'state']);
  const renewed = sub.step(ticket('new'), 5);
  assert.deepEqual(sent(renewed), [{ type: 'subscribe', room: 'a', ticket: 'new', cursor: '1cr-1-0' }]);
});

test('history comes first, and what overlaps is not shown again', () => {
  const sub = new Subscription('a', () => 0);
  assert.deepEqual(sub.begin([message(1), message(2), message(2)], '1past').map(({ id }) => id), ['r-1-0', 'r-2-0']);
  sub.step(ticket(), 0);
  assert.equal(sent(sub.step({ is: 'up' }, 0))[0].cursor, '1past');
  assert.deepEqual(shown(sub.step(batch([message(2), message(3)]), 1)), ['r-3-0']);
});

test('a batch that was under way to an ended subscription is not taken', () => {
  const sub = new Subscription('a', () => 0);
  sub.step({ is: 'up' }, 0);
  assert.deepEqual(sub.step(batch([message(1)]), 0), []);
  assert.equal(sub.cursor, '');
});

test('strange frames are passed over', () => {
  const sub = live();
  for (const frame of [{ type: 'batch' }, { type: 'batch', messages: 'x' }, { type: 'batch', messages: [null, 3, {}] }, { type: 'new' }]) {
    assert.deepEqual(sub.step({ is: 'frame', frame }, 1), []);
  }
});
