import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, PHONE, lines, say, screenshot, until } from './browser.js';

/** @type {Browser} */
let browser;
before(async () => void (browser = await Browser.start()));
after(() => browser?.stop());

test('it looks like a live room', async () => {
  const desktop = await browser.enter({ name: 'alice', lang: 'en', endpoint: '0' });
  const phone = await browser.enter({ name: '小明', lang: 'zh', endpoint: '1' }, PHONE);
  const noor = await browser.enter({ name: 'Noor', lang: 'en' });
  const talk = [
    [noor, 'what a view tonight'],
    [phone, '好漂亮的灯塔'],
    [desktop, 'hello from Lisbon'],
    [noor, 'is that a boat?'],
    [phone, '这个海浪太治愈了'],
    [desktop, 'love the beam'],
    [phone, '前排'],
    [noor, 'good evening everyone'],
  ];
  for (const [{ page }, text] of talk) {
    await say(page, text);
    await until(async () => (await lines(desktop.page, text)).length > 0, `${text} is said`);
  }
  await phone.page.getByTestId('gift-rocket').click();
  await noor.page.getByTestId('gift-rose').click();
  for (let i = 0; i < 4; i += 1) await noor.page.getByTestId('like').click();
  for (const { page } of [desktop, phone]) {
    await page.getByTestId('toast').nth(1).waitFor();
    assert.ok((await page.getByTestId('danmaku-item').count()) > 0);
  }
  await screenshot(desktop.page, 'desktop-en');
  await screenshot(phone.page, 'phone-zh');
  await desktop.page.getByTestId('language').click();
  await phone.page.getByTestId('language').click();
  await screenshot(desktop.page, 'desktop-zh');
  await screenshot(phone.page, 'phone-en');
});
