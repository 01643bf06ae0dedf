import { createServer, request as httpRequest } from 'node:http';
import { connect } from 'node:net';

const LOOPBACK = new Set(['127.0.0.1', 'localhost']);

/**
 * An HTTP proxy that plays the part of a page's network cable: sockets of the page pass through it, and can be cut for real.
 */
export class Cable {
  #server = createServer((request, response) => this.#forward(request, response));
  /** @type {Map<import('node:stream').Duplex, string>} */
  #tunnels = new Map();
  /** What came in through each tunnel, the oldest first. @type {Buffer[][]} */
  heard = [];
  /** @type {(address: string) => boolean} */
  #blocked = () => false;

  async plug() {
    this.#server.on('connect', (request, socket, head) => this.#tunnel(request.url ?? '', socket, head));
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve(undefined)));
    const address = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    this.url = `http://127.0.0.1:${address.port}`;
    return this;
  }

  /** What is connected now, as `host:port`. */
  get tunnels() {
    return [...this.#tunnels.values()];
  }

  /**
   * Cuts what runs to these addresses and lets nothing new through to them.
   * @param {(address: string) => boolean} [which] All, when absent.
   */
  cut(which = () => true) {
    this.#blocked = which;
    for (const [socket, address] of this.#tunnels) if (which(address)) socket.destroy();
  }

  mend() {
    this.#blocked = () => false;
  }

  unplug() {
    this.cut();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** @param {string} address @param {import('node:stream').Duplex} socket @param {Buffer} head */
  #tunnel(address, socket, head) {
    socket.on('error', () => {});
    const [host, port] = address.split(':');
    // Chromium itself asks for its maker's servers now and then.
    if (!LOOPBACK.has(host) || this.#blocked(address)) return void socket.destroy();
    const out = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      out.write(head);
      socket.pipe(out).pipe(socket);
    });
    /** @type {Buffer[]} */
    const heard = [];
    this.heard.push(heard);
    out.on('data', (chunk) => heard.push(chunk));
    this.#tunnels.set(socket, address);
    out.on('error', () => socket.destroy());
    out.on('close', () => socket.destroy());
    socket.on('close', () => {
      this.#tunnels.delete(socket);
      out.destroy();
    });
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  #forward(request, response) {
    const url = new URL(request.url ?? '');
    if (this.#blocked(url.host)) return void request.socket.destroy();
    const out = httpRequest(url, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    out.on('error', () => request.socket.destroy());
    request.pipe(out);
  }
}
