import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { Browser, lines, unique, until } from './browser.js';
import { read } from './wire.js';

/** What both sides must have agreed on for one compressed batch to be good for all. */
const AGREED = /\r\nsec-websocket-extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover$/im;

/** @type {Browser} */
let browser;
before(async () => void (browser = await Browser.start()));
after(() => browser?.stop());

/** @param {string} url @param {string} token @param {object} body @param {Record<string, string>} [headers] */
async function post(url, token, body, headers = {}) {
  const answer = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${url}: ${answer.status} ${answer.statusText}`);
  return answer.json();
}

/** What somebody needs who writes to the demo's room: its address, and a token. @param {string} name */
async function writer(name) {
  const { room } = await (await fetch(new URL('/demo/config', process.env.DEMO_URL))).json();
  const { token } = await post(String(new URL('/demo/token', process.env.DEMO_URL)), '', { name });
  return { room, token, url: `${process.env.EDGE_URL}/v1/rooms/${room}` };
}

/** Says something that fills more than the 512 bytes from which batches are compressed. @param {string} mark */
async function sayAtLength(mark) {
  const { token, url } = await writer('talker');
  const text = `${mark} ${'danmaku 弹幕 '.repeat(40)}`.trim();
  await post(`${url}/messages`, token, { kind: 'chat', data: { text } }, { 'idempotency-key': mark.replaceAll(' ', '-') });
  return text;
}

/** The message on the wire that holds a text: compressed, and shorter than the text alone. */
function packed(chunks, mark, text) {
  const { head, messages } = read(chunks);
  assert.match(head, AGREED);
  const holding = messages.filter((message) => message.text.includes(mark));
  assert.equal(holding.length, 1);
  const [{ compressed, bytes, text: frame }] = holding;
  assert.ok(compressed);
  assert.ok(bytes < Buffer.byteLength(text) / 2, `${bytes} bytes for a text of ${Buffer.byteLength(text)}`);
  return JSON.parse(frame);
}

test('a page in Chromium reads compressed batches', async () => {
  const { page, cable, complaints } = await browser.enter({ name: 'reader', lang: 'en' });
  const mark = unique('packed for a page');
  const text = await sayAtLength(mark);
  await until(async () => (await lines(page, mark)).length > 0, 'the message is shown');
  assert.deepEqual(await lines(page, mark), [text]);
  const sockets = cable.heard.filter((chunks) => read(chunks).head.startsWith('HTTP/1.1 101'));
  assert.equal(sockets.length, 1, 'the page has one socket');
  assert.equal(packed(sockets[0], mark, text).messages[0].data.text, text);
  assert.deepEqual(complaints, []);
});

test('`ws` reads compressed batches', async () => {
  const { room, token, url } = await writer('listener');
  const { ticket, endpoints } = await post(`${url}/join`, token, {});
  const heard = [];
  const options = { createConnection: ({ host, port }) => connect({ host, port }).on('data', (chunk) => heard.push(chunk)) };
  const socket = new WebSocket(endpoints[0].url, ['tidegate.v1.json'], options);
  try {
    const frames = [];
    socket.on('message', (data) => frames.push(JSON.parse(String(data))));
    const failed = new Promise((_, reject) => socket.on('error', reject));
    await Promise.race([new Promise((resolve) => socket.on('open', resolve)), failed]);
    assert.match(socket.extensions, /^permessage-deflate/);
    socket.send(JSON.stringify({ type: 'hello', client: 'ws', version: '1' }));
    // Long enough to be compressed by `ws`, too: what it sends is of at least 1 KiB then.
    socket.send(JSON.stringify({ type: 'subscribe', room, ticket, padding: ' '.repeat(2000) }));
    await until(async () => frames.some((frame) => frame.type === 'batch' && frame.room === room), 'it is in the room');
    const mark = unique('packed for ws');
    const text = await sayAtLength(mark);
    const holds = ({ messages = [] }) => messages.some(({ data }) => data?.text === text);
    await until(async () => frames.some(holds), 'the message arrives');
    assert.deepEqual(packed(heard, mark, text), frames.find(holds));
  } finally {
    socket.terminate();
  }
});
