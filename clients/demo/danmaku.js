import { Lanes } from './lanes.js';

const CROSS_MS = 7500;
const STILL_MS = 4000;
const GAP_PX = 28;
/** Elements that are kept to be used again; comments that wait for a lane. The oldest is let go. */
const POOL = 60;
const QUEUE = 80;

/** Comments that fly over the picture. With reduced motion they stand still for a while instead. */
export class Danmaku {
  #lanes = new Lanes(CROSS_MS, GAP_PX);
  #pool = [];
  #queue = [];
  #timer = 0;
  #stage;
  #still = matchMedia('(prefers-reduced-motion: reduce)');
  on = true;

  /** @param {HTMLElement} stage */
  constructor(stage) {
    this.#stage = stage;
    new ResizeObserver(() => this.#measure()).observe(stage);
    this.#measure();
  }

  #measure() {
    this.width = this.#stage.clientWidth;
    this.height = this.#stage.clientHeight;
    this.lanePx = Math.max(26, Math.min(40, Math.round(this.height / 11)));
    // The upper part only: badges above, gifts below stay readable.
    this.#lanes.resize(Math.max(1, Math.floor((this.height * 0.66 - 36) / this.lanePx)));
    this.#stage.style.fontSize = `${Math.round(this.lanePx * 0.56)}px`;
  }

  /** @param {{id: string, text: string, mine: boolean}} comment */
  add(comment) {
    if (!this.on || document.hidden) return;
    this.#queue.push(comment);
    if (this.#queue.length > QUEUE) this.#queue.shift();
    this.#pump();
  }

  /** @param {boolean} on */
  show(on) {
    this.on = on;
    if (on) return;
    this.#queue.length = 0;
    for (const item of [...this.#stage.children]) item.getAnimations().forEach((animation) => animation.finish());
  }

  #pump() {
    clearTimeout(this.#timer);
    while (this.#queue.length > 0) {
      const item = this.#make(this.#queue[0]);
      const lane = this.#lanes.take(item.offsetWidth, this.width, performance.now());
      if (lane < 0) {
        this.#free(item);
        this.#timer = setTimeout(() => this.#pump(), 150);
        return;
      }
      this.#queue.shift();
      this.#fly(item, lane);
    }
  }

  #make({ id, text, mine }) {
    const item = this.#pool.pop() ?? document.createElement('span');
    item.className = mine ? 'fly mine' : 'fly';
    item.dataset.testid = 'danmaku-item';
    item.dataset.id = id;
    item.textContent = text;
    item.style.visibility = 'hidden';
    this.#stage.append(item);
    return item;
  }

  #fly(item, lane) {
    item.style.visibility = 'visible';
    item.style.top = `${36 + lane * this.lanePx}px`;
    const width = item.offsetWidth;
    const still = this.#still.matches;
    const centre = `translateX(${Math.max(8, (this.width - width) / 2)}px)`;
    const frames = still
      ? [{ transform: centre, opacity: 0 }, { transform: centre, opacity: 1, offset: 0.1 }, { transform: centre, opacity: 1, offset: 0.9 }, { transform: centre, opacity: 0 }]
      : [{ transform: `translateX(${this.width}px)` }, { transform: `translateX(${-width}px)` }];
    const animation = item.animate(frames, { duration: still ? STILL_MS : CROSS_MS, easing: 'linear' });
    animation.onfinish = animation.oncancel = () => this.#free(item);
  }

  #free(item) {
    item.remove();
    if (this.#pool.length < POOL && !this.#pool.includes(item)) this.#pool.push(item);
  }
}
