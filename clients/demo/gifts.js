import { localised, t } from './i18n.js';

/** The gifts that the demo sells for nothing. */
export const GIFTS = ['rose', 'lantern', 'rocket', 'fireworks'];
const SVG = 'http://www.w3.org/2000/svg';
/** The same gift of the same person within this time is counted up instead of shown again. */
const COMBO_MS = 3000;
const TOASTS = 3;

/** @param {string} gift */
export function giftIcon(gift) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'gift-icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#g-${GIFTS.includes(gift) ? gift : 'rose'}`);
  svg.append(use);
  return svg;
}

/** What a gift is called; one that this page does not know keeps its own name. */
export function giftName(gift) {
  return GIFTS.includes(gift) ? t()[gift] : gift;
}

/**
 * @param {HTMLElement} list
 * @param {(gift: string, button: HTMLButtonElement) => void} give
 */
export function giftButtons(list, give) {
  for (const gift of GIFTS) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'gift';
    button.dataset.testid = `gift-${gift}`;
    const name = document.createElement('span');
    button.append(giftIcon(gift), name);
    button.addEventListener('click', () => give(gift, button));
    list.append(button);
    localised(() => {
      name.textContent = t()[gift];
      button.setAttribute('aria-label', t().sendGift(t()[gift]));
    });
  }
}

/** Cards at the edge of the picture: who gave what, how many in a row. */
export class Toasts {
  #box;
  /** @type {{key: string, count: number, element: HTMLElement, timer: number}[]} */
  #cards = [];

  /** @param {HTMLElement} box */
  constructor(box) {
    this.#box = box;
  }

  /**
   * @param {string} who
   * @param {string} gift
   * @param {number} count
   */
  show(who, gift, count) {
    const key = `${who} ${gift}`;
    let card = this.#cards.find((each) => each.key === key);
    if (card) {
      card.count += count;
      clearTimeout(card.timer);
    } else {
      const element = document.createElement('div');
      element.className = 'toast';
      element.dataset.testid = 'toast';
      card = { key, count, element, timer: 0 };
      this.#cards.push(card);
      this.#box.append(element);
      if (this.#cards.length > TOASTS) this.#drop(this.#cards[0]);
    }
    const text = document.createElement('span');
    const name = document.createElement('b');
    name.textContent = who;
    text.append(name, ` ${t().gave(giftName(gift), 1)}`);
    const times = document.createElement('strong');
    times.textContent = `×${card.count}`;
    card.element.replaceChildren(giftIcon(gift), text, times);
    const shown = card;
    card.timer = setTimeout(() => this.#drop(shown), COMBO_MS);
  }

  #drop(card) {
    clearTimeout(card.timer);
    this.#cards = this.#cards.filter((each) => each !== card);
    card.element.remove();
  }
}
