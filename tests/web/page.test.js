import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Browser, PHONE, lines, live, say, unique, until } from './browser.js';

/** @type {Browser} */
let browser;
before(async () => void (browser = await Browser.start()));
afterEach(() => browser.closePages());
after(() => browser?.stop());

test('the page is silent on the console and asks no other host', async () => {
  const { page, complaints, hosts } = await browser.enter({ name: 'alice', lang: 'en' });
  const text = unique('quiet');
  await say(page, text);
  await until(async () => (await lines(page, text)).length === 1, 'the message is shown');
  await page.getByTestId('gift-rose').click();
  await page.getByTestId('toast').first().waitFor();
  assert.deepEqual(complaints, []);
  for (const host of hosts) assert.match(host, /^(127\.0\.0\.1|localhost)$/);
});

test('the picture moves', async () => {
  const { page } = await browser.enter({ name: 'alice', lang: 'en' });
  const picture = () => page.evaluate(() => /** @type {HTMLCanvasElement} */ (document.getElementById('scene')).toDataURL());
  const first = await picture();
  await until(async () => (await picture()) !== first, 'another picture');
});

test('both languages, every text of them, and the switch between', async () => {
  const { page } = await browser.enter({ name: 'alice', lang: 'en' });
  const empty = () =>
    page.evaluate(() =>
      [...document.querySelectorAll('[data-i18n], [data-i18n-label], [data-i18n-title], [data-i18n-placeholder]')]
        .filter((element) => {
          const said = [element.hasAttribute('data-i18n') && element.textContent, element.hasAttribute('data-i18n-label') && element.getAttribute('aria-label'), element.hasAttribute('data-i18n-title') && element.getAttribute('title'), element.hasAttribute('data-i18n-placeholder') && element.getAttribute('placeholder')];
          return said.some((text) => text === '' || text === null || text === 'undefined');
        })
        .map((element) => element.outerHTML.slice(0, 80)),
    );
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  assert.match(await page.getByTestId('connection-text').innerText(), /^Live/);
  assert.equal(await page.getByTestId('gift-rose').innerText(), 'Rose');
  assert.deepEqual(await empty(), []);
  await page.getByTestId('gift-rose').click();
  await page.getByTestId('line').filter({ hasText: 'sent Rose' }).first().waitFor();

  await page.getByTestId('language').click();
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
  assert.match(await page.getByTestId('connection-text').innerText(), /^已连接/);
  assert.equal(await page.getByTestId('gift-rose').innerText(), '玫瑰');
  assert.equal(await page.getByTestId('say').getAttribute('placeholder'), '说点什么…');
  assert.ok((await page.getByTestId('line').filter({ hasText: '送出了玫瑰' }).count()) > 0, 'lines already there follow');
  assert.equal(await page.getByTestId('line').filter({ hasText: 'sent Rose' }).count(), 0);
  assert.deepEqual(await empty(), []);

  await page.reload();
  await live(page);
  assert.equal(await page.locator('html').getAttribute('lang'), 'en', 'the address decides');
  await page.goto(`${process.env.DEMO_URL}`);
  await live(page);
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN', 'the choice is remembered');
});

test('on a phone nothing scrolls sideways, everything can be reached by a finger', async () => {
  for (const [width, height] of [[360, 640], [390, 844], [844, 390]]) {
    const { page } = await browser.enter({ name: '小明', lang: 'zh' }, { ...PHONE, viewport: { width, height } });
    const sizes = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
    assert.deepEqual(sizes, [width, height]);
    for (const id of ['connection', 'language', 'danmaku-toggle', 'like', 'gift-rose', 'gift-rocket', 'say', 'send', 'name-open']) {
      const box = await page.getByTestId(id).boundingBox();
      assert.ok(box, id);
      assert.ok(box.x >= 0 && box.x + box.width <= width && box.y >= 0 && box.y + box.height <= height, `${id} is in sight at ${width}x${height}`);
      assert.ok(box.width >= 36 && box.height >= 36, `${id} is large enough at ${width}x${height}: ${box.width}x${box.height}`);
    }
    const text = unique('手机');
    await page.getByTestId('say').fill(text);
    await page.getByTestId('send').tap();
    await until(async () => (await lines(page, text)).length === 1, 'the message is shown');
    await page.getByTestId('connection').tap();
    const dialog = await page.getByTestId('connection-dialog').boundingBox();
    assert.ok(dialog && dialog.x >= 0 && dialog.x + dialog.width <= width);
    await page.getByTestId('connection-close').tap();
  }
});

test('the keyboard reaches everything', async () => {
  const { page } = await browser.enter({ name: 'alice', lang: 'en' });
  const reached = new Set();
  for (let i = 0; i < 20; i += 1) {
    await page.keyboard.press('Tab');
    reached.add(await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement)?.dataset.testid ?? ''));
  }
  for (const id of ['connection', 'language', 'danmaku-toggle', 'gift-rose', 'gift-lantern', 'gift-rocket', 'gift-fireworks', 'like', 'chat', 'name-open', 'say', 'send']) {
    assert.ok(reached.has(id), `${id} is reached by Tab`);
  }
  await page.getByTestId('name-open').focus();
  await page.keyboard.press('Enter');
  await page.getByTestId('name-dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByTestId('name-dialog').waitFor({ state: 'hidden' });
});

test('comments can be switched off and on', async () => {
  const { page } = await browser.enter({ name: 'alice', lang: 'en' });
  const toggle = page.getByTestId('danmaku-toggle');
  await toggle.click();
  assert.equal(await toggle.getAttribute('aria-pressed'), 'false');
  const hidden = unique('not flying');
  await say(page, hidden);
  await until(async () => (await lines(page, hidden)).length === 1, 'the chat still shows it');
  assert.equal(await page.getByTestId('danmaku-item').count(), 0);
  await toggle.click();
  await say(page, unique('flying'));
  await page.getByTestId('danmaku-item').first().waitFor();
});

test('with reduced motion comments stand still', async () => {
  const { page } = await browser.enter({ name: 'alice', lang: 'en' }, { viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
  await say(page, unique('standing'));
  const item = page.getByTestId('danmaku-item').last();
  await item.waitFor();
  const at = () => item.evaluate((element) => element.getBoundingClientRect().left);
  const first = await at();
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(resolve)))));
  assert.equal(await at(), first);
});

test('nothing to say sends nothing; a long text is cut at the field', async () => {
  const { page } = await browser.enter({ name: 'alice', lang: 'en' });
  const posts = [];
  page.on('request', (request) => request.method() === 'POST' && request.url().endsWith('/messages') && posts.push(request.url()));
  await say(page, '   ');
  const text = unique('x'.repeat(300));
  await page.getByTestId('say').fill('');
  await page.getByTestId('say').pressSequentially(text.slice(0, 210));
  await page.getByTestId('say').press('Enter');
  await until(async () => (await lines(page, 'xxxxxxxxxx')).some((line) => line.length === 200), 'the first 200 signs are sent');
  assert.equal(posts.length, 1);
});

test('a message that cannot be sent comes back into the field with the reason', async () => {
  const { page } = await browser.enter({ name: 'alice', lang: 'en' });
  await page.route('**/v1/rooms/*/messages', (route) =>
    route.request().method() === 'POST'
      ? route.fulfill({ status: 403, contentType: 'application/problem+json', headers: { 'access-control-allow-origin': '*' }, body: JSON.stringify({ type: 'about:blank', title: 'Forbidden', status: 403, detail: 'You may not write here' }) })
      : route.continue(),
  );
  const text = unique('refused');
  await say(page, text);
  await page.getByTestId('error').waitFor();
  assert.match(await page.getByTestId('error').innerText(), /You may not write here/);
  assert.equal(await page.getByTestId('say').inputValue(), text);
  await page.unroute('**/v1/rooms/*/messages');
  await page.getByTestId('send').click();
  await until(async () => (await lines(page, text)).length === 1, 'it is sent in the end');
});

test('when the room cannot be reached the page says so, and trying again works', async () => {
  const { page } = await browser.enter({ name: 'alice', lang: 'en' });
  await page.route('**/demo/config', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ title: 'Not ready', status: 503 }) }));
  await page.reload();
  await page.getByTestId('veil').waitFor();
  assert.match(await page.getByTestId('veil').innerText(), /cannot be reached[\s\S]*Not ready/);
  await page.unroute('**/demo/config');
  await page.getByTestId('retry').click();
  await live(page);
  await page.getByTestId('veil').waitFor({ state: 'hidden' });
});
