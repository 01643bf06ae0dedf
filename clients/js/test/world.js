/**
 * A region small enough for a test: one edge over HTTP, two nodes over WebSocket, one room with its history, in memory.
 */
import { createServer } from 'node:http';
import { createHash } from 'node:crypto';
import { WebSocketServer } from 'ws';

export class World {
  log = [];
  likes = 0;
  /** Idempotency keys. @type {Map<string, any>} */
  once = new Map();
  /** What the next HTTP calls are answered with instead. @type {{status: number, headers?: Record<string, string>, then?: boolean}[]} */
  faults = [];
  calls = [];
  nodes = [];
  tickets = 0;
  hold = false;
  sample = false;

  async start() {
    this.edge = createServer((request, response) => this.#http(request, response));
    this.edgeUrl = `http://127.0.0.1:${await listen(this.edge)}`;
    for (const name of ['n1', 'n2']) {
      const node = { name, server: createServer(), sockets: new Set(), hellos: [], subscribes: [] };
      node.url = `ws://127.0.0.1:${await listen(node.server)}/v1/connect`;
      const sockets = new WebSocketServer({ server: node.server, handleProtocols: (offered) => offered.has('tidegate.v1.json') && 'tidegate.v1.json' });
      sockets.on('connection', (socket) => this.#socket(node, socket));
      this.nodes.push(node);
    }
    return this;
  }

  async stop() {
    for (const node of this.nodes) {
      for (const { socket } of node.sockets) socket.terminate();
      node.server.close();
    }
    this.edge?.closeAllConnections();
    this.edge?.close();
  }

  get endpoints() {
    return this.nodes.map(({ url }) => ({ region: 'local', url }));
  }

  cursor() {
    return `1${this.log.length}`;
  }

  append(sub, kind, data, key) {
    const n = this.log.length + 1;
    const message = { id: `local-${n}-0`, kind, lane: 'chat', sub, data, at_ms: n };
    if (key) message.key = createHash('sha256').update(key).digest('hex').slice(0, 16);
    this.log.push(message);
    if (!this.hold) this.flush();
    return message;
  }

  /** Sends to each socket what it has not had. */
  flush() {
    for (const node of this.nodes) for (const viewer of node.sockets) this.#feed(viewer, false);
  }

  #feed(viewer, always) {
    if (!viewer.room) return;
    const due = this.log.slice(viewer.at);
    if (due.length === 0 && !always) return;
    const messages = this.sample ? due.filter(({ kind }) => kind !== 'chat') : due;
    viewer.at = this.log.length;
    const left = due.length - messages.length;
    const frame = { type: 'batch', room: viewer.room, messages, cursor: this.cursor(), counters: { online: 1, likes: this.likes } };
    viewer.socket.send(JSON.stringify(left > 0 ? { ...frame, left_out: left } : frame));
  }

  #socket(node, socket) {
    const viewer = { socket, room: null, at: 0 };
    node.sockets.add(viewer);
    socket.on('close', () => node.sockets.delete(viewer));
    socket.on('message', (text) => {
      const frame = JSON.parse(String(text));
      if (frame.type === 'hello') {
        node.hellos.push(frame);
        socket.send(JSON.stringify({ type: 'welcome', region: 'local', node: node.name, cursor: '1all', ping_ms: 10_000 }));
      } else if (frame.type === 'subscribe') {
        node.subscribes.push(frame);
        viewer.room = frame.room;
        viewer.at = Number(frame.cursor.slice(1));
        this.#feed(viewer, true);
      } else if (frame.type === 'unsubscribe') viewer.room = null;
      else if (frame.type === 'ping') socket.send('{"type":"pong"}');
    });
  }

  async #http(request, response) {
    let text = '';
    for await (const chunk of request) text += chunk;
    const call = { method: request.method, path: request.url, headers: request.headers, body: text ? JSON.parse(text) : null };
    this.calls.push(call);
    const fault = this.faults.shift();
    const done = fault && !fault.then ? null : this.#answer(call);
    if (fault?.status === 0) return request.socket.destroy();
    if (fault) return reply(response, fault.status, { type: 'https://tidegate.dev/problems/slow', title: 'Slow down', status: fault.status }, fault.headers);
    return reply(response, done.status, done.body);
  }

  #answer({ method, path, headers, body }) {
    if (path.endsWith('/join')) {
      if (path.includes('nowhere')) return { status: 404, body: { type: 'https://tidegate.dev/problems/no-room', title: 'No such room', status: 404 } };
      const room = { id: decodeURIComponent(path.split('/')[3]), title: 'T', state: 'open', access: 'open', online: 1, likes: this.likes };
      this.tickets += 1;
      const ticket = `t${this.tickets}`;
      return { status: 200, body: { room, subject: 'bob', ticket, ticket_expires_ms: Date.now() + 3_600_000, cursor: this.cursor(), endpoints: this.endpoints } };
    }
    if (method === 'GET') return { status: 200, body: { messages: this.log.slice(-2), cursor: this.cursor() } };
    const key = headers['idempotency-key'];
    if (body.kind === 'like') {
      // As the edge does: a like takes no key.
      if (key !== undefined) return { status: 422, body: { type: 'urn:tidegate:problem:not_allowed', title: 'Not what is asked for', status: 422 } };
      this.likes += 1;
      return { status: 202, body: { likes: this.likes } };
    }
    if (!this.once.has(key)) {
      const { id } = this.append('bob', body.kind, body.data, key);
      this.once.set(key, { id, cursor: this.cursor() });
    }
    return { status: 202, body: this.once.get(key) };
  }
}

function reply(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

/** Waits until `ready` is true; fails after 5 s. */
export async function until(ready, what = String(ready)) {
  for (const end = Date.now() + 5000; Date.now() < end; ) {
    if (ready()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`not within 5 s: ${what}`);
}
