import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { Cable } from './cable.js';

/** @typedef {import('playwright-core').Page} Page */

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
/** How long a condition may take to come true. */
const WAIT_MS = 20_000;

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

/** Headless Chromium with a profile of its own, and the pages that a test opens in it. */
export class Browser {
  #profile = mkdtempSync(join(tmpdir(), 'tidegate-web-'));
  /** @type {{context: import('playwright-core').BrowserContext, cable: Cable}[]} */
  #open = [];

  static async start() {
    assert.ok(process.env.DEMO_URL, 'DEMO_URL names the running demo page: `cargo xtask test web` starts the system and sets it');
    const browser = new Browser();
    browser.chromium = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, env: { ...process.env, XDG_CONFIG_HOME: browser.#profile, XDG_CACHE_HOME: browser.#profile } });
    return browser;
  }

  /**
   * Opens the demo page in a context of its own, with a network cable of its own.
   * @param {Record<string, string>} query
   * @param {object} [options] Of the context.
   * @returns {Promise<{page: Page, cable: Cable, complaints: string[], hosts: Set<string>}>}
   */
  async open(query, options = DESKTOP) {
    const cable = await new Cable().plug();
    const context = await this.chromium.newContext({ ...options, proxy: { server: cable.url, bypass: '<-loopback>' } });
    this.#open.push({ context, cable });
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    /** @type {string[]} */
    const complaints = [];
    const hosts = new Set();
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => hosts.add(new URL(request.url()).hostname));
    page.on('websocket', (socket) => hosts.add(new URL(socket.url()).hostname));
    await page.goto(`${process.env.DEMO_URL}?${new URLSearchParams(query)}`);
    return { page, cable, complaints, hosts };
  }

  /** The same, and waits until the room is live. @param {Record<string, string>} query @param {object} [options] */
  async enter(query, options = DESKTOP) {
    const opened = await this.open(query, options);
    await live(opened.page);
    return opened;
  }

  async closePages() {
    for (const { context, cable } of this.#open.splice(0)) {
      await context.close();
      cable.unplug();
    }
  }

  async stop() {
    await this.closePages();
    await this.chromium.close();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** @param {Page} page */
export async function live(page) {
  await page.locator('[data-testid=connection][data-phase=open]').waitFor();
}

/** The node that the page is on. @param {Page} page */
export async function nodeOf(page) {
  return (await page.getByTestId('connection').getAttribute('data-node')) ?? '';
}

/** @param {Page} page @param {string} text */
export async function say(page, text) {
  await page.getByTestId('say').fill(text);
  await page.getByTestId('say').press('Enter');
}

/** The lines of the chat that hold this text, in order. @param {Page} page @param {string} text */
export async function lines(page, text) {
  const texts = await page.getByTestId('line').locator('.text').allTextContents();
  return texts.filter((line) => line.includes(text));
}

/** Waits until `ready` answers something true, and gives it back. @template T @param {() => Promise<T>} ready @param {string} what */
export async function until(ready, what) {
  for (const end = Date.now() + WAIT_MS; Date.now() < end; ) {
    const value = await ready();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new assert.AssertionError({ message: `not within ${WAIT_MS / 1000} s: ${what}` });
}

/** A text that no other test or run has written. @param {string} text */
export function unique(text) {
  return `${text} ${Math.random().toString(36).slice(2, 8)}`;
}

/** Into the folder that SCREENSHOTS names, if it names one. @param {Page} page @param {string} name */
export async function screenshot(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
