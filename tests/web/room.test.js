import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Browser, lines, live, nodeOf, say, unique, until } from './browser.js';

/** @type {Browser} */
let browser;
before(async () => void (browser = await Browser.start()));
afterEach(() => browser.closePages());
after(() => browser?.stop());

/** Two people, each on another node. */
async function two() {
  const [alice, bob] = await Promise.all([browser.enter({ name: 'alice', lang: 'en', endpoint: '0' }), browser.enter({ name: 'bob', lang: 'en', endpoint: '1' })]);
  assert.notEqual(await nodeOf(alice.page), '');
  assert.notEqual(await nodeOf(alice.page), await nodeOf(bob.page), 'the two pages are on two nodes');
  return { alice, bob };
}

/** Where a comment is, in pixels from the left of the window; null when it is gone. */
const leftOf = (page, text) =>
  page.evaluate((wanted) => {
    const item = [...document.querySelectorAll('[data-testid=danmaku-item]')].find((each) => each.textContent === wanted);
    return item ? item.getBoundingClientRect().left : null;
  }, text);

test('what is written in one page flies over the picture of another that is on the other node', async () => {
  const { alice, bob } = await two();
  const text = unique('hello over there');
  await say(alice.page, text);
  const first = await until(() => leftOf(bob.page, text), 'the comment comes in');
  const later = await until(async () => {
    const left = await leftOf(bob.page, text);
    return left !== null && left < first - 40 ? left : null;
  }, 'the comment moves to the left');
  assert.ok(later < first);
  await until(async () => (await lines(alice.page, text)).length > 0, 'the writer sees it');
  for (const { page } of [alice, bob]) assert.deepEqual(await lines(page, text), [text], 'once in each chat');
  const name = bob.page.getByTestId('line').filter({ hasText: text }).locator('b');
  assert.equal(await name.textContent(), 'alice');
  await until(async () => (await leftOf(bob.page, text)) === null, 'the comment leaves the picture');
});

test('a cut connection resumes with what was sent meanwhile, each once and in order', async () => {
  const { alice, bob } = await two();
  const mark = unique('');
  await say(alice.page, `before${mark}`);
  await until(async () => (await lines(bob.page, mark)).length === 1, 'the first message arrives');

  assert.ok(bob.cable.tunnels.length > 0, "the page's socket goes through the cable");
  bob.cable.cut();
  await bob.page.locator('[data-testid=connection]:not([data-phase=open])').waitFor();
  const meanwhile = Array.from({ length: 6 }, (_, i) => `meanwhile ${i}${mark}`);
  for (const text of meanwhile) await say(alice.page, text);
  await until(async () => (await lines(alice.page, mark)).length === 7, 'the writer sees what she wrote');
  assert.equal((await lines(bob.page, mark)).length, 1, 'nothing passes a cut cable');

  bob.cable.mend();
  await live(bob.page);
  await until(async () => (await lines(bob.page, mark)).length >= 7, 'what was missed arrives');
  await say(alice.page, `after${mark}`);
  await until(async () => (await lines(bob.page, `after${mark}`)).length > 0, 'it goes on live');
  const expected = [`before${mark}`, ...meanwhile, `after${mark}`];
  assert.deepEqual(await lines(bob.page, mark), expected);
  assert.deepEqual(await lines(alice.page, mark), expected);
  assert.equal(await bob.page.getByTestId('reset').count(), 0);
});

test('when its node is out of reach a page goes on at the other one, with nothing lost', async () => {
  const { alice, bob } = await two();
  const mark = unique('');
  await say(alice.page, `one${mark}`);
  await until(async () => (await lines(bob.page, mark)).length === 1, 'the first message arrives');
  const node = await nodeOf(bob.page);
  const [lost] = bob.cable.tunnels;
  bob.cable.cut((address) => address === lost);
  for (const text of ['two', 'three', 'four']) await say(alice.page, `${text}${mark}`);
  await until(async () => ![node, ''].includes(await nodeOf(bob.page)), 'the page is on the other node');
  await until(async () => (await lines(bob.page, mark)).length >= 4, 'everything arrives');
  const now = await nodeOf(bob.page);
  await bob.page.getByTestId('moved').filter({ hasText: `Moved from ${node} to ${now}` }).waitFor();
  assert.match(await bob.page.getByTestId('connection-text').innerText(), new RegExp(`^Live · local · ${now}$`));
  await bob.page.getByTestId('language').click();
  await bob.page.getByTestId('moved').filter({ hasText: `已从 ${node} 切换到 ${now}` }).waitFor();
  assert.match(await bob.page.getByTestId('connection-text').innerText(), new RegExp(`^已连接 · local · ${now}$`));
  assert.deepEqual(await lines(bob.page, mark), ['one', 'two', 'three', 'four'].map((text) => text + mark));
});

test('the button that cuts the connection does so, and nothing is lost', async () => {
  const { alice, bob } = await two();
  const mark = unique('');
  await bob.page.getByTestId('connection').click();
  assert.match(await bob.page.getByTestId('connection-facts').innerText(), /demo\.lobby[\s\S]*bob[\s\S]*ws:/);
  const cut = bob.page.waitForEvent('websocket');
  await bob.page.getByTestId('cut').click();
  await say(alice.page, `during${mark}`);
  await cut;
  await live(bob.page);
  await until(async () => (await lines(bob.page, mark)).length === 1, 'the message arrives');
});

test('a gift is seen by all, with its effect', async () => {
  const { alice, bob } = await two();
  await alice.page.getByTestId('gift-rocket').click();
  for (const { page } of [alice, bob]) {
    const toast = page.getByTestId('toast').filter({ hasText: 'Rocket' });
    await toast.waitFor();
    assert.match(await toast.innerText(), /alice/);
    await page.getByTestId('line').filter({ hasText: 'sent Rocket' }).first().waitFor();
    await until(() => page.evaluate(() => {
      const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById('effects'));
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value) => value > 0);
    }), 'something flies over the picture');
  }
  for (const gift of ['rose', 'lantern', 'fireworks']) {
    await alice.page.getByTestId(`gift-${gift}`).click();
    await bob.page.getByTestId('line').filter({ hasText: new RegExp(`sent ${gift}`, 'i') }).first().waitFor();
  }
});

test('a like is counted for all', async () => {
  const { alice, bob } = await two();
  const likes = async (page) => Number((await page.getByTestId('likes').innerText()).replace(/\D/g, ''));
  await until(async () => (await likes(bob.page)) === (await likes(alice.page)), 'both begin with the same count');
  const before = await likes(bob.page);
  for (let i = 0; i < 3; i += 1) await alice.page.getByTestId('like').click();
  for (const { page } of [alice, bob]) await until(async () => (await likes(page)) === before + 3, 'three more likes');
});

test('the online count follows who comes and goes', async () => {
  const { alice } = await two();
  const online = async () => Number((await alice.page.getByTestId('online').innerText()).replace(/\D/g, ''));
  await until(async () => (await online()) >= 2, 'two are seen');
  const before = await online();
  await browser.enter({ name: 'carol', lang: 'en' });
  await until(async () => (await online()) > before, 'a third is seen');
});

test('who comes late sees what was said before', async () => {
  const alice = await browser.enter({ name: 'alice', lang: 'en' });
  const text = unique('said before');
  await say(alice.page, text);
  await until(async () => (await lines(alice.page, text)).length === 1, 'it is said');
  const late = await browser.enter({ name: 'late', lang: 'en' });
  await until(async () => (await lines(late.page, text)).length === 1, 'it is there');
});

test('another name holds from the next message on, and the room goes on', async () => {
  const { alice, bob } = await two();
  await alice.page.getByTestId('name-open').click();
  await alice.page.getByTestId('name-input').fill('爱丽丝');
  await alice.page.getByTestId('name-save').click();
  await alice.page.getByTestId('name-dialog').waitFor({ state: 'hidden' });
  const text = unique('renamed');
  await say(alice.page, text);
  const line = bob.page.getByTestId('line').filter({ hasText: text });
  await line.waitFor();
  assert.equal(await line.locator('b').textContent(), '爱丽丝');
  await say(bob.page, `${text} too`);
  await until(async () => (await lines(alice.page, `${text} too`)).length === 1, 'the answer arrives');
});

test('text is shown as text, whatever it holds', async () => {
  const { alice, bob } = await two();
  const text = unique('<img src=x onerror="document.title=\'owned\'"><b>bold</b> &amp; 你好');
  await say(alice.page, text);
  await until(async () => (await lines(bob.page, text)).length === 1, 'the very text arrives');
  assert.equal(await bob.page.locator('[data-testid=chat] img, [data-testid=danmaku] img, [data-testid=line] .text b').count(), 0);
  assert.doesNotMatch(await bob.page.title(), /owned/);
});
