/** Gifts and hearts over the picture: few moving parts on one canvas that is at rest when nothing flies. */

const MOST = 420;

/**
 * @typedef {object} Part
 * @property {number} x 0 to 1 of the width.
 * @property {number} y 0 to 1 of the height.
 * @property {number} vx Per second.
 * @property {number} vy
 * @property {number} fall Added to vy each second.
 * @property {number} age
 * @property {number} life Seconds.
 * @property {number} size In hundredths of the height.
 * @property {number} turn
 * @property {number} spin
 * @property {string} colour
 * @property {'petal' | 'heart' | 'spark' | 'lantern' | 'rocket' | 'shell'} shape
 * @property {(part: Part) => void} [last] At its end.
 */

const HEARTS = ['#ff5f7e', '#ff8fa3', '#ffb3c1', '#f06bd0', '#ff7a5c'];
const SHELLS = ['#ffd35c', '#ff6bb5', '#62d9ff', '#9d8bff', '#7dffb0'];

const between = (low, high) => low + Math.random() * (high - low);
const one = (list) => list[Math.floor(Math.random() * list.length)];

export class Effects {
  #canvas;
  #pen;
  /** @type {Part[]} */
  #parts = [];
  #running = false;
  #lastMs = 0;
  #scale = 1;
  #still = matchMedia('(prefers-reduced-motion: reduce)');

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext('2d');
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#resize();
  }

  #resize() {
    this.#scale = Math.min(1.5, devicePixelRatio || 1);
    this.#canvas.width = Math.max(2, this.#canvas.clientWidth * this.#scale);
    this.#canvas.height = Math.max(2, this.#canvas.clientHeight * this.#scale);
  }

  /** @param {number} count */
  hearts(count) {
    for (let i = 0; i < Math.min(8, count); i += 1) {
      this.#add({ shape: 'heart', x: between(0.86, 0.97), y: between(0.95, 1.08), vx: between(-0.05, 0.02), vy: between(-0.34, -0.22), life: between(2, 3.2), size: between(3, 5.5), colour: one(HEARTS), turn: between(-0.4, 0.4) });
    }
  }

  /** @param {string} gift */
  gift(gift) {
    if (gift === 'rose') this.#roses();
    else if (gift === 'lantern') this.#lanterns();
    else if (gift === 'rocket') this.#rocket();
    else this.#fireworks();
  }

  #roses() {
    for (let i = 0; i < 46; i += 1) {
      this.#add({ shape: 'petal', x: between(-0.05, 1), y: between(-0.6, -0.05), vx: between(0.01, 0.07), vy: between(0.18, 0.36), life: between(3, 5), size: between(1.6, 3.2), colour: one(['#ff4f73', '#ff7d97', '#d92b55', '#ffa4b5']), turn: between(0, 6), spin: between(-3, 3) });
    }
  }

  #lanterns() {
    for (let i = 0; i < 9; i += 1) {
      this.#add({ shape: 'lantern', x: between(0.06, 0.94), y: between(1.02, 1.5), vx: between(-0.015, 0.015), vy: between(-0.24, -0.15), life: 8, size: between(4.5, 8), colour: '#ff8b45' });
    }
  }

  #rocket() {
    this.#add({ shape: 'rocket', x: 0.12, y: 1.12, vx: 0.24, vy: -0.52, fall: 0.1, life: 2.1, size: 8, colour: '#eaf1ff', last: (at) => this.#burst(at.x, at.y, 80, 0.42) });
  }

  #fireworks() {
    for (let i = 0; i < 5; i += 1) {
      this.#add({ shape: 'shell', x: between(0.15, 0.85), y: 1.05 + i * 0.22, vx: between(-0.03, 0.03), vy: -0.9, fall: 0.18, life: 0.85 + i * 0.27, size: 0.9, colour: '#fff', last: (at) => this.#burst(at.x, at.y, 54, 0.3) });
    }
  }

  #burst(x, y, count, speed) {
    const colour = one(SHELLS);
    const wide = this.#canvas.height / this.#canvas.width;
    for (let i = 0; i < count; i += 1) {
      const [angle, v] = [between(0, 6.283), speed * Math.sqrt(Math.random())];
      this.#add({ shape: 'spark', x, y, vx: Math.cos(angle) * v * wide, vy: Math.sin(angle) * v, fall: 0.16, life: between(0.9, 1.7), size: between(0.5, 1), colour: Math.random() < 0.2 ? '#fff' : colour });
    }
  }

  /** @param {Partial<Part> & Pick<Part, 'shape' | 'x' | 'y' | 'life' | 'size' | 'colour'>} part */
  #add(part) {
    if (this.#still.matches || document.hidden || this.#parts.length >= MOST) return;
    this.#parts.push({ vx: 0, vy: 0, fall: 0, age: 0, turn: 0, spin: 0, ...part });
    if (this.#running) return;
    this.#running = true;
    this.#lastMs = performance.now();
    requestAnimationFrame((ms) => this.#frame(ms));
  }

  #frame(ms) {
    const step = Math.min(0.1, Math.max(0, (ms - this.#lastMs) / 1000));
    this.#lastMs = ms;
    const ended = [];
    this.#parts = this.#parts.filter((part) => {
      part.age += step;
      part.vy += part.fall * step;
      part.x += part.vx * step;
      part.y += part.vy * step;
      part.turn += part.spin * step;
      if (part.age < part.life) return true;
      ended.push(part);
      return false;
    });
    for (const part of ended) part.last?.(part);
    this.#pen.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    for (const part of this.#parts) this.#draw(part);
    this.#pen.globalAlpha = 1;
    this.#running = this.#parts.length > 0;
    if (this.#running) requestAnimationFrame((next) => this.#frame(next));
  }

  /** @param {Part} part */
  #draw(part) {
    const pen = this.#pen;
    const unit = (this.#canvas.height / 100) * part.size;
    const left = 1 - part.age / part.life;
    pen.save();
    pen.globalAlpha = part.shape === 'rocket' ? 1 : Math.min(1, left * 3);
    const sway = part.shape === 'heart' || part.shape === 'lantern' ? Math.sin(part.age * 2.2 + part.size * 9) * 0.012 : 0;
    pen.translate((part.x + sway) * this.#canvas.width, part.y * this.#canvas.height);
    pen.rotate(part.turn);
    pen.fillStyle = part.colour;
    if (part.shape === 'heart') heart(pen, unit);
    else if (part.shape === 'petal') petal(pen, unit, part.turn);
    else if (part.shape === 'lantern') lantern(pen, unit);
    else if (part.shape === 'rocket') rocket(pen, unit, Math.atan2(part.vy * this.#canvas.height, part.vx * this.#canvas.width), part.age);
    else {
      pen.beginPath();
      pen.arc(0, 0, Math.max(1, unit * (part.shape === 'spark' ? 0.4 + 0.6 * left : 1)), 0, 7);
      pen.fill();
    }
    pen.restore();
  }
}

function heart(pen, u) {
  pen.beginPath();
  pen.moveTo(0, u * 0.5);
  pen.bezierCurveTo(-u, -u * 0.1, -u * 0.55, -u * 0.85, 0, -u * 0.3);
  pen.bezierCurveTo(u * 0.55, -u * 0.85, u, -u * 0.1, 0, u * 0.5);
  pen.fill();
}

function petal(pen, u, turn) {
  pen.scale(1, 0.35 + 0.65 * Math.abs(Math.sin(turn * 1.7)));
  pen.beginPath();
  pen.moveTo(0, -u);
  pen.quadraticCurveTo(u * 0.9, -u * 0.2, 0, u);
  pen.quadraticCurveTo(-u * 0.9, -u * 0.2, 0, -u);
  pen.fill();
}

function lantern(pen, u) {
  const glow = pen.createRadialGradient(0, 0, 0, 0, 0, u * 2.2);
  glow.addColorStop(0, 'rgba(255, 176, 90, 0.55)');
  glow.addColorStop(1, 'rgba(255, 150, 70, 0)');
  pen.fillStyle = glow;
  pen.fillRect(-u * 2.2, -u * 2.2, u * 4.4, u * 4.4);
  const body = pen.createLinearGradient(0, -u, 0, u);
  body.addColorStop(0, '#d9542b');
  body.addColorStop(1, '#ffd28a');
  pen.fillStyle = body;
  pen.beginPath();
  pen.moveTo(-u * 0.55, u * 0.8);
  pen.quadraticCurveTo(-u * 1.05, -u * 0.3, -u * 0.5, -u * 0.9);
  pen.lineTo(u * 0.5, -u * 0.9);
  pen.quadraticCurveTo(u * 1.05, -u * 0.3, u * 0.55, u * 0.8);
  pen.fill();
}

function rocket(pen, u, angle, age) {
  pen.rotate(angle);
  const flame = u * (1.6 + 0.5 * Math.sin(age * 60));
  const fire = pen.createLinearGradient(-u, 0, -u - flame, 0);
  fire.addColorStop(0, '#fff3c4');
  fire.addColorStop(0.4, '#ffab3d');
  fire.addColorStop(1, 'rgba(255, 80, 40, 0)');
  pen.fillStyle = fire;
  pen.beginPath();
  pen.moveTo(-u * 0.9, -u * 0.35);
  pen.quadraticCurveTo(-u * 1.4, 0, -u - flame, 0);
  pen.quadraticCurveTo(-u * 1.4, 0, -u * 0.9, u * 0.35);
  pen.fill();
  pen.fillStyle = '#ff5f6d';
  pen.beginPath();
  pen.moveTo(-u * 0.4, 0);
  pen.lineTo(-u * 1.2, -u * 0.85);
  pen.lineTo(-u * 0.9, 0);
  pen.lineTo(-u * 1.2, u * 0.85);
  pen.fill();
  pen.fillStyle = '#eaf1ff';
  pen.beginPath();
  pen.moveTo(u * 1.4, 0);
  pen.quadraticCurveTo(u * 0.5, -u * 0.65, -u, -u * 0.4);
  pen.lineTo(-u, u * 0.4);
  pen.quadraticCurveTo(u * 0.5, u * 0.65, u * 1.4, 0);
  pen.fill();
  pen.fillStyle = '#3a7bd5';
  pen.beginPath();
  pen.arc(u * 0.25, 0, u * 0.2, 0, 7);
  pen.fill();
}
