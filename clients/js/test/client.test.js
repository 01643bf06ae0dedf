import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { WebSocket } from 'ws';
import { Tidegate, TidegateError } from '../src/index.js';
import { World, until } from './world.js';

/** @type {World} */
let world;
/** @type {Tidegate[]} */
let clients;

beforeEach(async () => {
  clients = [];
  world = await new World().start();
});

afterEach(async () => {
  for (const client of clients) client.close();
  await world.stop();
});

function client(options = {}) {
  const tide = new Tidegate({ edges: [world.edgeUrl], token: 'x.e30.y', WebSocket: /** @type {any} */ (WebSocket), ...options });
  clients.push(tide);
  return tide;
}

/** Joins and notes everything. */
async function watch(tide, id = 'demo.lobby', options = {}) {
  const room = await tide.join(id, options);
  const seen = { messages: [], texts: [], resets: 0, leftOut: 0, errors: [], phases: [] };
  room.on('message', (message) => {
    seen.messages.push(message);
    seen.texts.push(message.data?.text);
  });
  room.on('reset', () => (seen.resets += 1));
  room.on('leftOut', ({ count }) => (seen.leftOut += count));
  room.on('error', (error) => seen.errors.push(error.code));
  room.on('state', ({ phase }) => seen.phases.push(phase));
  return { room, seen };
}

test('join, receive, publish: each message once, with the id of the answer', async () => {
  const tide = client();
  const { room, seen } = await watch(tide);
  assert.equal(room.subject, 'bob');
  await until(() => room.phase === 'live');
  assert.deepEqual([tide.state.phase, tide.state.node], ['open', 'n1']);
  world.append('eve', 'chat', { text: 'hi' });
  const answer = await room.publish('chat', { text: 'mine' });
  await until(() => seen.texts.length === 2);
  assert.deepEqual(seen.texts, ['hi', 'mine']);
  assert.equal(seen.messages[1].id, answer.id);
  const call = world.calls.at(-1);
  assert.equal(call.headers.authorization, 'Bearer x.e30.y');
  assert.equal(call.headers['idempotency-key'], answer.key);
});

test('an own message that the node leaves out is shown all the same, once', async () => {
  const { room, seen } = await watch(client());
  await until(() => room.phase === 'live');
  world.sample = true;
  await room.publish('chat', { text: 'mine' });
  world.append('eve', 'chat', { text: 'other' });
  await until(() => seen.texts.length === 1);
  assert.equal(seen.messages[0].early, true);
  world.sample = false;
  world.append('eve', 'chat', { text: 'last' });
  await until(() => seen.texts.length === 2);
  assert.deepEqual(seen.texts, ['mine', 'last']);
  assert.equal(seen.leftOut, 2);
});

test('a lost socket resumes on the other node with what was missed, each once and in order', async () => {
  const tide = client();
  const { room, seen } = await watch(tide);
  await until(() => room.phase === 'live');
  for (let i = 0; i < 50; i += 1) {
    world.append('eve', 'chat', { text: String(i) });
    if (i % 10 === 5) {
      const [viewer] = world.nodes.flatMap((node) => [...node.sockets]);
      viewer?.socket.terminate();
      await until(() => tide.state.phase !== 'open');
      world.append('eve', 'chat', { text: `missed ${i}` });
      tide.reconnect();
      await until(() => room.phase === 'live');
      if (i === 5) assert.equal(world.tickets, 1, 'a ticket may be used again: no join needed');
    }
  }
  await until(() => seen.texts.length >= 55);
  assert.deepEqual(seen.messages.map(({ id }) => id), world.log.map(({ id }) => id));
  assert.equal(seen.resets, 0);
  assert.ok(world.nodes[1].subscribes.length > 0);
  assert.equal(world.nodes[1].hellos[0].cursor, '1all');
});

test('move: to the other node, nothing lost', async () => {
  const tide = client();
  const { room, seen } = await watch(tide);
  await until(() => room.phase === 'live');
  const [{ socket }] = world.nodes[0].sockets;
  socket.send(JSON.stringify({ type: 'move', within_ms: 1000 }));
  world.hold = true;
  world.append('eve', 'chat', { text: 'meanwhile' });
  world.hold = false;
  await until(() => tide.state.node === 'n2' && seen.texts.length === 1);
  assert.deepEqual(seen.texts, ['meanwhile']);
});

test('a publish whose answer was lost is repeated under its key and counts once', async () => {
  const { room, seen } = await watch(client());
  await until(() => room.phase === 'live');
  world.faults = [{ status: 0, then: true }];
  const answer = await room.publish('chat', { text: 'once' });
  await until(() => seen.texts.length === 1);
  assert.equal(world.log.length, 1);
  assert.equal(world.log[0].id, answer.id);
  const keys = world.calls.slice(-2).map(({ headers }) => headers['idempotency-key']);
  assert.equal(keys[0], keys[1]);
});

test('messages of one room keep their order, also when one of them has to be repeated', async () => {
  const { room } = await watch(client());
  world.faults = [{ status: 503 }];
  await Promise.all(['a', 'b', 'c'].map((text) => room.publish('chat', { text })));
  assert.deepEqual(world.log.map(({ data }) => data.text), ['a', 'b', 'c']);
});

test('what waits to be published is bounded', async () => {
  const { room } = await watch(client());
  const results = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => room.publish('chat', { text: String(i) })));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 32);
  assert.equal(/** @type {any} */ (results[39]).reason.code, 'busy');
});

test('Retry-After is honoured, and not waited for beyond the patience', async () => {
  const { room } = await watch(client());
  world.faults = [{ status: 429, headers: { 'retry-after': '1' } }];
  const begin = Date.now();
  await room.publish('chat', { text: 'a' });
  assert.ok(Date.now() - begin >= 1000);
  world.faults = [{ status: 429, headers: { 'retry-after': '9' } }];
  await assert.rejects(room.publish('chat', { text: 'b' }, { patienceMs: 2000 }), (error) => {
    assert.ok(error instanceof TidegateError);
    assert.deepEqual([error.code, error.status, error.retryAfterMs, error.room], ['slow', 429, 9000, 'demo.lobby']);
    return true;
  });
});

test('an edge out of reach: the next one', async () => {
  const { room } = await watch(client({ edges: ['http://127.0.0.1:1', world.edgeUrl] }));
  await room.publish('chat', { text: 'a' });
  assert.equal(world.log.length, 1);
});

test('a signal ends the retries', async () => {
  const { room } = await watch(client());
  world.faults = [{ status: 503, headers: { 'retry-after': '60' } }];
  const ending = new AbortController();
  const publish = room.publish('chat', { text: 'a' }, { signal: ending.signal });
  await until(() => world.calls.length === 2);
  ending.abort();
  await assert.rejects(publish, { code: 'aborted' });
  assert.equal(world.log.length, 0);
});

test('likes are counted and told', async () => {
  const { room } = await watch(client());
  const counts = [];
  room.on('counters', ({ likes }) => counts.push(likes));
  assert.equal((await room.like()).likes, 1);
  assert.equal(room.counters.likes, 1);
  assert.ok(counts.includes(1));
});

test('history before live: nothing between is lost or repeated', async () => {
  for (const text of ['a', 'b', 'c']) world.append('eve', 'chat', { text });
  const tide = client();
  const { room, seen } = await watch(tide, 'demo.lobby', { history: 2 });
  assert.deepEqual(room.recent.map(({ data }) => data.text), ['b', 'c']);
  world.append('eve', 'chat', { text: 'd' });
  await until(() => seen.texts.length === 1);
  assert.deepEqual(seen.texts, ['d']);
});

test('one socket for all rooms; the last one to leave closes it', async () => {
  const tide = client();
  const a = await watch(tide, 'demo.a');
  const b = await watch(tide, 'demo.b');
  assert.equal(await tide.join('demo.a'), a.room);
  await until(() => b.room.phase === 'live');
  assert.equal(world.nodes.reduce((sum, node) => sum + node.sockets.size, 0), 1);
  a.room.leave();
  assert.equal(a.room.phase, 'ended');
  assert.equal(tide.state.phase, 'open');
  b.room.leave();
  await until(() => world.nodes.every((node) => node.sockets.size === 0));
  assert.equal(tide.state.phase, 'idle');
  await watch(tide, 'demo.a');
  await until(() => tide.state.phase === 'open');
});

test('a join that the edge refuses is an error with its code', async () => {
  await assert.rejects(client().join('demo.nowhere'), { code: 'no-room', status: 404, room: 'demo.nowhere' });
});

test('a token is asked for again after 401, and for another user', async () => {
  const tokens = ['old', 'new', 'third'];
  const tide = client({ token: async () => tokens.shift() });
  world.faults = [{ status: 401 }];
  const { room } = await watch(tide);
  assert.deepEqual(world.calls.map(({ headers }) => headers.authorization), ['Bearer old', 'Bearer new']);
  await until(() => room.phase === 'live');
  tide.renew();
  await until(() => world.nodes[0].subscribes.length === 2);
  assert.equal(world.calls.at(-1).headers.authorization, 'Bearer third');
  assert.equal(world.nodes[0].subscribes[1].ticket, 't2');
});

test('a room that ends says why', async () => {
  const { room, seen } = await watch(client());
  await until(() => room.phase === 'live');
  const [{ socket }] = world.nodes[0].sockets;
  socket.send(JSON.stringify({ type: 'error', room: 'demo.lobby', code: 'kicked', message: 'kicked' }));
  await until(() => room.phase === 'ended');
  assert.deepEqual(seen.errors, ['kicked']);
});

test('disconnected by a service: no way back', async () => {
  const tide = client();
  const { room, seen } = await watch(tide);
  await until(() => room.phase === 'live');
  const [{ socket }] = world.nodes[0].sockets;
  socket.close(4403, 'disconnected');
  await until(() => tide.state.phase === 'closed');
  assert.deepEqual(seen.errors, ['disconnected']);
  await assert.rejects(tide.join('demo.lobby'), { code: 'closed' });
});

test('announcements reach every socket', async () => {
  const tide = client();
  const { room } = await watch(tide);
  await until(() => room.phase === 'live');
  const heard = [];
  tide.on('announcement', ({ data }) => heard.push(data.text));
  const frame = { type: 'batch', room: '!all', messages: [{ id: 'local-9-0', kind: 'control', sub: 's', data: { text: 'maintenance' } }], cursor: '1z' };
  const [{ socket }] = world.nodes[0].sockets;
  socket.send(JSON.stringify(frame));
  socket.send(JSON.stringify(frame));
  socket.send('not json');
  await until(() => heard.length > 0);
  assert.deepEqual(heard, ['maintenance']);
});

test('a listener that throws is reported and keeps nothing from going on', async (t) => {
  const thrown = [];
  const before = globalThis.reportError;
  globalThis.reportError = (error) => void thrown.push(error.message);
  t.after(() => (globalThis.reportError = before));
  const { room, seen } = await watch(client());
  const off = room.on('message', () => {
    off();
    throw new Error('from a listener');
  });
  world.append('eve', 'chat', { text: 'a' });
  world.append('eve', 'chat', { text: 'b' });
  await until(() => seen.texts.length === 2);
  assert.deepEqual(thrown, ['from a listener']);
});

test('after close nothing goes on', async () => {
  const tide = client();
  await watch(tide);
  world.faults = [{ status: 503, headers: { 'retry-after': '60' } }];
  const publish = tide.publish('demo.lobby', 'chat', {});
  await until(() => world.calls.length === 2);
  tide.close();
  await assert.rejects(publish, { code: 'closed' });
  await assert.rejects(tide.join('demo.lobby'), { code: 'closed' });
});

test('options that cannot work are refused', () => {
  assert.throws(() => new Tidegate({ edges: [] }), { code: 'bad_options' });
  assert.throws(() => new Tidegate({ edges: ['127.0.0.1:3000'] }), { code: 'bad_options' });
});
