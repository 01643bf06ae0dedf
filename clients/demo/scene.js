/** The picture that plays the part of the video: a lighthouse over the sea at night, drawn on a canvas. */

const FRAME_MS = 1000 / 30;
const STARS = 110;
const WAVES = [
  { y: 0.63, high: 0.010, long: 0.9, speed: 0.25, colour: '#17406a' },
  { y: 0.69, high: 0.014, long: 1.3, speed: -0.34, colour: '#123660' },
  { y: 0.77, high: 0.020, long: 0.8, speed: 0.46, colour: '#0e2a50' },
  { y: 0.87, high: 0.026, long: 0.6, speed: -0.58, colour: '#0a1f40' },
];

/** A fixed sequence, so that the sky is the same for all. @param {number} seed */
function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export class Scene {
  #canvas;
  #pen;
  #width = 0;
  #height = 0;
  /** @type {HTMLCanvasElement | null} */
  #sky = null;
  #stars;
  #still = matchMedia('(prefers-reduced-motion: reduce)');
  #lastMs = -Infinity;
  #pending = 0;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext('2d', { alpha: false });
    const next = random(7);
    this.#stars = Array.from({ length: STARS }, () => ({ x: next(), y: next() * 0.52, size: 0.4 + next() ** 3 * 1.5, phase: next() * 6.3 }));
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#resize();
    this.#still.addEventListener('change', () => this.#loop(performance.now()));
    document.addEventListener('visibilitychange', () => document.hidden || this.#loop(performance.now()));
    this.#loop(performance.now());
  }

  #resize() {
    const scale = Math.min(1.5, devicePixelRatio || 1);
    this.#width = Math.max(2, Math.round(this.#canvas.clientWidth * scale));
    this.#height = Math.max(2, Math.round(this.#canvas.clientHeight * scale));
    this.#canvas.width = this.#width;
    this.#canvas.height = this.#height;
    this.#sky = this.#drawSky();
    this.#draw(this.#still.matches ? 4000 : performance.now());
  }

  #loop(nowMs) {
    cancelAnimationFrame(this.#pending);
    if (nowMs - this.#lastMs >= FRAME_MS - 2) {
      this.#lastMs = nowMs;
      this.#draw(this.#still.matches ? 4000 : nowMs);
    }
    if (!this.#still.matches && !document.hidden) this.#pending = requestAnimationFrame((ms) => this.#loop(ms));
  }

  /** What never changes is drawn once. */
  #drawSky() {
    const sky = document.createElement('canvas');
    const [w, h] = [(sky.width = this.#width), (sky.height = this.#height)];
    const pen = sky.getContext('2d');
    const back = pen.createLinearGradient(0, 0, 0, h * 0.66);
    back.addColorStop(0, '#070b1d');
    back.addColorStop(0.45, '#12224a');
    back.addColorStop(0.8, '#31406f');
    back.addColorStop(1, '#7a5a78');
    pen.fillStyle = back;
    pen.fillRect(0, 0, w, h);

    const [mx, my, r] = [w * 0.27, h * 0.24, h * 0.075];
    const glow = pen.createRadialGradient(mx, my, r * 0.6, mx, my, r * 6);
    glow.addColorStop(0, 'rgba(255, 238, 205, 0.5)');
    glow.addColorStop(0.25, 'rgba(255, 226, 190, 0.14)');
    glow.addColorStop(1, 'rgba(255, 226, 190, 0)');
    pen.fillStyle = glow;
    pen.fillRect(0, 0, w, h);
    pen.fillStyle = '#fdf0d5';
    pen.beginPath();
    pen.arc(mx, my, r, 0, 7);
    pen.fill();
    pen.fillStyle = 'rgba(214, 190, 160, 0.35)';
    for (const [x, y, s] of [[-0.35, -0.2, 0.22], [0.25, 0.3, 0.28], [0.3, -0.4, 0.13], [-0.2, 0.5, 0.12]]) {
      pen.beginPath();
      pen.arc(mx + x * r, my + y * r, s * r, 0, 7);
      pen.fill();
    }

    const ridge = (base, high, seed, colour) => {
      const next = random(seed);
      pen.fillStyle = colour;
      pen.beginPath();
      pen.moveTo(0, h);
      for (let x = 0; x <= 24; x += 1) pen.lineTo((x / 24) * w, h * (base - high * (0.3 + 0.7 * next()) * (0.6 + 0.4 * Math.sin(x))));
      pen.lineTo(w, h);
      pen.fill();
    };
    ridge(0.625, 0.10, 3, '#2b3563');
    ridge(0.635, 0.055, 11, '#1d2a52');
    return sky;
  }

  #draw(ms) {
    const pen = this.#pen;
    const [w, h] = [this.#width, this.#height];
    const s = ms / 1000;
    pen.drawImage(this.#sky, 0, 0);
    pen.fillStyle = '#fff';
    for (const star of this.#stars) {
      pen.globalAlpha = 0.35 + 0.45 * Math.sin(s * 1.3 + star.phase) ** 2;
      const size = star.size * (h / 480);
      pen.fillRect(star.x * w, star.y * h, size, size);
    }
    pen.globalAlpha = 1;
    this.#beam(s);
    WAVES.forEach((wave, i) => {
      this.#wave(wave, s);
      if (i === 1) this.#boat(s);
      if (i === 2) this.#cliff();
      if (i === 3) this.#shimmer(s);
    });
    const shade = pen.createLinearGradient(0, h * 0.75, 0, h);
    shade.addColorStop(0, 'rgba(4, 8, 22, 0)');
    shade.addColorStop(1, 'rgba(4, 8, 22, 0.65)');
    pen.fillStyle = shade;
    pen.fillRect(0, h * 0.75, w, h * 0.25);
  }

  #level(wave, x, s) {
    const [h, a] = [this.#height, (x / this.#width) * 6.283 * wave.long * 2];
    return h * wave.y + h * wave.high * (Math.sin(a + s * wave.speed * 3) + 0.5 * Math.sin(a * 2.3 - s * wave.speed * 2 + wave.y * 9));
  }

  #wave(wave, s) {
    const pen = this.#pen;
    const [w, h] = [this.#width, this.#height];
    const step = Math.max(8, w / 60);
    pen.beginPath();
    pen.moveTo(0, h);
    for (let x = 0; x <= w + step; x += step) pen.lineTo(x, this.#level(wave, x, s));
    pen.lineTo(w, h);
    pen.fillStyle = wave.colour;
    pen.fill();
    pen.strokeStyle = 'rgba(160, 210, 255, 0.10)';
    pen.lineWidth = Math.max(1, h / 400);
    pen.stroke();
  }

  #shimmer(s) {
    const pen = this.#pen;
    const [w, h] = [this.#width, this.#height];
    pen.fillStyle = '#ffe9c4';
    for (let i = 0; i < 22; i += 1) {
      const y = h * (0.645 + i * 0.0155);
      const sway = Math.sin(s * 1.1 + i * 1.7) * w * 0.012;
      const long = w * (0.012 + 0.022 * (0.5 + 0.5 * Math.sin(s * 1.7 + i * 2.9))) * (1 + i * 0.07);
      pen.globalAlpha = 0.3 * (1 - i / 24);
      pen.fillRect(w * 0.27 + sway - long, y, long * 2, Math.max(1, h / 260));
    }
    pen.globalAlpha = 1;
  }

  #lamp() {
    return [this.#width * 0.83, this.#height * 0.335];
  }

  #beam(s) {
    const pen = this.#pen;
    const [x, y] = this.#lamp();
    const w = this.#width;
    const turn = Math.cos(s * 0.7);
    for (const side of [-1, 1]) {
      const reach = side * turn * w * 1.05;
      const spread = this.#height * (0.05 + 0.16 * Math.abs(turn));
      const light = pen.createLinearGradient(x, y, x + reach, y);
      light.addColorStop(0, 'rgba(255, 236, 190, 0.55)');
      light.addColorStop(0.5, 'rgba(255, 236, 190, 0.13)');
      light.addColorStop(1, 'rgba(255, 236, 190, 0)');
      pen.fillStyle = light;
      pen.beginPath();
      pen.moveTo(x, y - 2);
      pen.lineTo(x + reach, y - spread);
      pen.lineTo(x + reach, y + spread * 0.8);
      pen.lineTo(x, y + 2);
      pen.fill();
    }
    const facing = Math.max(0, Math.sin(s * 0.7)) ** 6;
    const r = this.#height * (0.04 + 0.12 * facing);
    const glow = pen.createRadialGradient(x, y, 0, x, y, r);
    glow.addColorStop(0, 'rgba(255, 244, 214, 0.95)');
    glow.addColorStop(1, 'rgba(255, 236, 190, 0)');
    pen.fillStyle = glow;
    pen.fillRect(x - r, y - r, r * 2, r * 2);
  }

  #cliff() {
    const pen = this.#pen;
    const [w, h] = [this.#width, this.#height];
    const [x, y] = this.#lamp();
    const u = h / 100;
    pen.fillStyle = '#070f24';
    pen.beginPath();
    pen.moveTo(w * 0.66, h);
    for (const [px, py] of [[0.69, 0.86], [0.72, 0.80], [0.745, 0.745], [0.77, 0.70], [0.80, 0.675], [0.87, 0.665], [0.92, 0.69], [1, 0.665]]) pen.lineTo(w * px, h * py);
    pen.lineTo(w, h);
    pen.fill();

    pen.beginPath();
    pen.moveTo(x - 2.2 * u, y + 4 * u);
    pen.lineTo(x + 2.2 * u, y + 4 * u);
    pen.lineTo(x + 4 * u, h * 0.68);
    pen.lineTo(x - 4 * u, h * 0.68);
    pen.closePath();
    pen.fillStyle = '#cfd6e6';
    pen.fill();
    pen.save();
    pen.clip();
    pen.fillStyle = '#b8404f';
    for (let i = 0; i < 3; i += 1) pen.fillRect(x - 6 * u, y + (8 + i * 10) * u, 12 * u, 5 * u);
    const side = pen.createLinearGradient(x - 4 * u, 0, x + 4 * u, 0);
    side.addColorStop(0, 'rgba(5, 9, 25, 0.15)');
    side.addColorStop(1, 'rgba(5, 9, 25, 0.75)');
    pen.fillStyle = side;
    pen.fillRect(x - 6 * u, y, 12 * u, h);
    pen.restore();
    pen.fillStyle = '#16223f';
    pen.fillRect(x - 3.2 * u, y + 2.8 * u, 6.4 * u, 1.4 * u);
    pen.fillStyle = '#ffe9b8';
    pen.fillRect(x - 1.7 * u, y - 1.6 * u, 3.4 * u, 4.4 * u);
    pen.fillStyle = '#16223f';
    pen.beginPath();
    pen.moveTo(x - 2.6 * u, y - 1.6 * u);
    pen.lineTo(x, y - 5 * u);
    pen.lineTo(x + 2.6 * u, y - 1.6 * u);
    pen.fill();
    pen.fillStyle = '#0b1530';
    pen.fillRect(x + 6 * u, h * 0.62, 9 * u, 6 * u);
    pen.beginPath();
    pen.moveTo(x + 5 * u, h * 0.622);
    pen.lineTo(x + 10.5 * u, h * 0.575);
    pen.lineTo(x + 16 * u, h * 0.622);
    pen.fill();
    pen.fillStyle = '#ffcf70';
    pen.fillRect(x + 8.4 * u, h * 0.637, 1.8 * u, 2.2 * u);
  }

  #boat(s) {
    const pen = this.#pen;
    const [w, h] = [this.#width, this.#height];
    const u = h / 100;
    const x = w * (0.1 + 0.5 * (0.5 + 0.5 * Math.sin(s * 0.035 + 1)));
    const y = this.#level(WAVES[1], x, s);
    pen.save();
    pen.translate(x, y);
    pen.rotate(Math.sin(s * 1.1) * 0.05);
    const glow = pen.createRadialGradient(4 * u, -6 * u, 0, 4 * u, -6 * u, 9 * u);
    glow.addColorStop(0, 'rgba(255, 190, 100, 0.6)');
    glow.addColorStop(1, 'rgba(255, 190, 100, 0)');
    pen.fillStyle = glow;
    pen.fillRect(-6 * u, -16 * u, 20 * u, 20 * u);
    pen.fillStyle = '#e8ecf7';
    pen.beginPath();
    pen.moveTo(-0.4 * u, -16 * u);
    pen.quadraticCurveTo(-8 * u, -8 * u, -8 * u, -2.6 * u);
    pen.lineTo(-0.4 * u, -2.6 * u);
    pen.fill();
    pen.fillStyle = '#b9c3db';
    pen.beginPath();
    pen.moveTo(0.6 * u, -14 * u);
    pen.lineTo(6 * u, -2.6 * u);
    pen.lineTo(0.6 * u, -2.6 * u);
    pen.fill();
    pen.fillStyle = '#3c1f2a';
    pen.beginPath();
    pen.moveTo(-9.5 * u, -1.6 * u);
    pen.lineTo(9.5 * u, -1.6 * u);
    pen.lineTo(6.5 * u, 2.4 * u);
    pen.lineTo(-6.5 * u, 2.4 * u);
    pen.fill();
    pen.restore();
  }
}
