import { compareIds } from '/tidegate/index.js';
import { giftIcon, giftName } from './gifts.js';
import { localised, t } from './i18n.js';

/** Lines that are kept. */
const LINES = 200;
const NEAR_PX = 40;

/** A colour for a name: always the same, always readable on the dark ground. @param {string} sub */
export function colourOf(sub) {
  let hash = 0;
  for (const sign of sub) hash = Math.imul(hash ^ sign.codePointAt(0), 0x9e3779b1) >>> 0;
  return `hsl(${(hash >>> 8) % 360} 75% 74%)`;
}

/** @param {{sub: string, info?: any}} message */
export function nameOf(message) {
  return typeof message.info?.name === 'string' && message.info.name ? message.info.name : message.sub;
}

/** The column of chat. Text goes in as text, never as markup. */
export class Chat {
  #lines;
  #newer;
  #unread = 0;
  /** The notice that counts what was left out, while it is the last line. @type {{element: HTMLElement, count: number | null} | null} */
  #leftOut = null;

  /** @param {HTMLElement} lines @param {HTMLElement} newer */
  constructor(lines, newer) {
    this.#lines = lines;
    this.#newer = newer;
    lines.addEventListener('scroll', () => this.#atEnd() && this.#read());
    newer.addEventListener('click', () => {
      lines.scrollTop = lines.scrollHeight;
      this.#read();
    });
    new ResizeObserver(() => this.#unread === 0 && this.#end()).observe(lines);
    localised(() => this.#render());
  }

  clear() {
    this.#lines.replaceChildren();
    this.#leftOut = null;
    this.#read();
  }

  /** @param {import('../js/src/types.js').Message} message @param {boolean} mine */
  message(message, mine) {
    const line = document.createElement('li');
    line.className = mine ? 'line mine' : 'line';
    line.dataset.testid = 'line';
    line.dataset.id = message.id;
    if (message.early) line.dataset.early = '';
    const name = document.createElement('b');
    name.textContent = nameOf(message);
    name.style.color = colourOf(message.sub);
    const text = document.createElement('span');
    text.className = 'text';
    line.append(name, ' ', text);
    if (message.kind === 'gift') {
      line.classList.add('gift-line');
      const [gift, count] = [String(message.data?.gift ?? ''), Number(message.data?.count ?? 1)];
      line.insertBefore(giftIcon(gift), text);
      this.#say(text, () => t().gave(giftName(gift), count));
    } else if (message.hidden) this.#say(text, () => t().removed);
    else text.textContent = String(message.data?.text ?? '');
    this.#add(line, message.id, mine);
  }

  /** A message that was changed after it was shown. @param {import('../js/src/types.js').Message} message */
  replace(message) {
    const text = this.#find(message.id)?.querySelector('.text');
    if (text) text.textContent = String(message.data?.text ?? '');
  }

  /** A moderator took it back. @param {string} id */
  hide(id) {
    const line = this.#find(id);
    line?.classList.add('removed');
    const text = line?.querySelector('.text');
    if (text) this.#say(text, () => t().removed);
  }

  /** A line of the page's own. @param {() => string} say @param {string} [testid] */
  notice(say, testid = 'notice') {
    const line = document.createElement('li');
    line.className = 'line note';
    line.dataset.testid = testid;
    this.#say(line, say);
    this.#add(line, '', false);
    return line;
  }

  /** @param {number | null} count */
  leftOut(count) {
    const last = this.#leftOut;
    if (last && last.element === this.#lines.lastElementChild && last.count !== null && count !== null) {
      last.count += count;
      last.element.textContent = t().leftOut(last.count);
      return;
    }
    const notice = { element: /** @type {HTMLElement} */ (/** @type {unknown} */ (null)), count };
    notice.element = this.notice(() => t().leftOut(notice.count), 'left-out');
    this.#leftOut = notice;
  }

  /** @type {WeakMap<Element, () => string>} */
  #texts = new WeakMap();

  #say(element, say) {
    this.#texts.set(element, say);
    element.textContent = say();
  }

  #render() {
    for (const element of this.#lines.querySelectorAll('.note, .text')) {
      const say = this.#texts.get(element);
      if (say) element.textContent = say();
    }
    this.#newer.textContent = t().newer(this.#unread);
  }

  #find(id) {
    return [...this.#lines.children].find((line) => line.dataset.id === id);
  }

  #add(line, id, mine) {
    const follow = mine || this.#atEnd();
    // One's own may stand ahead of the stream: what belongs before it goes before it.
    let before = null;
    for (let last = this.#lines.lastElementChild; id && last && 'early' in last.dataset && compareIds(last.dataset.id, id) > 0; last = last.previousElementSibling) before = last;
    this.#lines.insertBefore(line, before);
    while (this.#lines.children.length > LINES) this.#lines.firstElementChild.remove();
    if (follow) this.#end();
    else if (id) {
      this.#unread += 1;
      this.#newer.hidden = false;
      this.#newer.textContent = t().newer(this.#unread);
    }
  }

  #atEnd() {
    return this.#lines.scrollHeight - this.#lines.scrollTop - this.#lines.clientHeight < NEAR_PX;
  }

  #end() {
    this.#lines.scrollTop = this.#lines.scrollHeight;
    this.#read();
  }

  #read() {
    this.#unread = 0;
    this.#newer.hidden = true;
  }
}
