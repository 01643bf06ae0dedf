import { Tidegate, TidegateError } from '/tidegate/index.js';
import { sendGift, settings, tokenFor } from './backend.js';
import { Chat, colourOf, nameOf } from './chat.js';
import { Danmaku } from './danmaku.js';
import { Effects } from './effects.js';
import { Toasts, giftButtons } from './gifts.js';
import { fill, localised, number, remember, remembered, switchLanguage, t } from './i18n.js';
import { Scene } from './scene.js';

/** How many messages from before a newcomer sees. */
const HISTORY = 30;
/** How long a send is repeated before the page says that it failed. */
const PATIENCE_MS = 15_000;
/** Likes that wait for their answer; more clicks only show their heart. */
const LIKES_AT_ONCE = 6;
const OOPS_MS = 6000;

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
/** `?endpoint=1` puts this page on the second of the nodes. */
const endpoint = /^\d{1,2}$/.test(query.get('endpoint') ?? '') ? Number(query.get('endpoint')) : null;

new Scene($('scene'));
const danmaku = new Danmaku($('danmaku'));
const effects = new Effects($('effects'));
const toasts = new Toasts($('toasts'));
const chat = new Chat($('lines'), $('newer'));

const me = { name: query.get('name') || remembered('name') || madeUpName(), sub: '', token: '' };
/** @type {Tidegate | null} */
let tide = null;
/** @type {import('/tidegate/index.js').Room | null} */
let room = null;
let likesPending = 0;

function madeUpName() {
  const animals = ['otter', 'heron', 'seal', 'plover', 'dolphin', 'crab', 'puffin', 'tern'];
  return `${animals[Math.floor(Math.random() * animals.length)]}-${Math.floor(100 + Math.random() * 900)}`;
}

/** The first region's nodes in an order that is the same for every page, beginning with the one that was asked for. */
function arrange(endpoints) {
  if (endpoint === null || endpoints.length === 0) return endpoints;
  const near = endpoints.filter(({ region }) => region === endpoints[0].region);
  const sorted = near.sort((a, b) => (a.url < b.url ? -1 : Number(a.url > b.url)));
  const first = endpoint % sorted.length;
  const far = endpoints.filter(({ region }) => region !== endpoints[0].region);
  return [...sorted.slice(first), ...sorted.slice(0, first), ...far];
}

async function freshToken() {
  const { token, sub } = await tokenFor(me.name);
  Object.assign(me, { token, sub });
  return token;
}

async function start() {
  $('veil').hidden = true;
  $('retry').disabled = true;
  try {
    const { edges, room: id } = await settings();
    tide ??= new Tidegate({ edges, token: freshToken, arrange });
    tide.on('state', showLink);
    room = await tide.join(id, { history: HISTORY });
    Object.assign(globalThis.demo, { tide, room, danmaku });
    enter(room);
  } catch (error) {
    tide?.close();
    tide = null;
    veil(() => `${t().startFailed} ${error.message}`);
  } finally {
    $('retry').disabled = false;
  }
}

/** @param {import('/tidegate/index.js').Room} joined */
function enter(joined) {
  chat.clear();
  chat.notice(() => t().welcome(joined.info.title || joined.id));
  for (const message of joined.recent) receive(message, false);
  showTitle(joined.info.title || joined.id);
  showCounters(joined.counters);
  joined.on('message', (message) => receive(message, true));
  joined.on('replaced', (message) => chat.replace(message));
  joined.on('counters', showCounters);
  joined.on('leftOut', ({ count }) => chat.leftOut(count));
  joined.on('reset', () => chat.notice(() => t().reset, 'reset'));
  joined.on('state', () => showLink(tide?.state));
  joined.on('error', (error) => {
    tide?.close();
    tide = room = null;
    veil(() => t().ended[error.code] ?? t().endedOther(error.code));
  });
}

/** @param {import('/tidegate/index.js').Message} message @param {boolean} live */
function receive(message, live) {
  const mine = message.sub === me.sub;
  if (message.kind === 'chat') {
    chat.message(message, mine);
    if (live && !message.hidden) danmaku.add({ id: message.id, text: String(message.data?.text ?? ''), mine });
  } else if (message.kind === 'gift' && !message.hidden) {
    chat.message(message, mine);
    if (!live) return;
    toasts.show(nameOf(message), String(message.data?.gift), Number(message.data?.count ?? 1));
    effects.gift(String(message.data?.gift));
  } else if (message.kind === 'hide') chat.hide(String(message.data?.id));
  else if (message.kind === 'state' && message.data?.fields?.title) showTitle(message.data.fields.title);
  else if (message.kind === 'control' && message.data?.text) chat.notice(() => String(message.data.text));
}

let likes = -1;

function showCounters(counters) {
  if (likes >= 0 && counters.likes > likes) effects.hearts(counters.likes - likes - likesPending);
  likes = counters.likes;
  $('online').textContent = number(counters.online);
  $('likes').textContent = number(counters.likes);
}

function showTitle(title) {
  $('title').textContent = title;
  document.title = `${title} · Tidegate`;
}

let linkTimer = 0;

function showLink(state = tide?.state) {
  clearTimeout(linkTimer);
  let phase = state?.phase ?? 'closed';
  if (phase === 'open' && room && room.phase !== 'live') phase = 'connecting';
  $('link').dataset.phase = phase;
  $('link').dataset.node = phase === 'open' ? state.node : '';
  $('link').dataset.region = phase === 'open' ? state.region : '';
  if (phase === 'open') noteMove(state);
  const seconds = phase === 'waiting' ? Math.ceil((state.retryAtMs - Date.now()) / 1000) : 0;
  const text = t()[phase];
  $('link-text').textContent = typeof text === 'function' ? (phase === 'open' ? text(state.node, state.region) : text(seconds)) : text;
  if (seconds > 0) linkTimer = setTimeout(showLink, 500);
  showFacts(state);
}

/** Where the page was last live. @type {{region: string, node: string} | null} */
let was = null;

/** A line for each move to another node or region. @param {import('/tidegate/index.js').ConnectionState} state */
function noteMove({ region, node }) {
  const from = was;
  was = { region, node };
  if (!from || (from.region === region && from.node === node)) return;
  const away = from.region !== region;
  chat.notice(() => (away ? t().movedRegion(region, from.region) : t().movedNode(node, from.node)), 'moved');
}

function showFacts(state) {
  const facts = [[t().room, room?.id], [t().you, me.sub], [t().node, state?.node], [t().region, state?.region], [t().address, state?.endpoint?.url]];
  $('facts').replaceChildren(
    ...facts.flatMap(([name, value]) => {
      const [term, text] = [document.createElement('dt'), document.createElement('dd')];
      [term.textContent, text.textContent] = [name, value || '–'];
      return [term, text];
    }),
  );
}

let veilText = null;

function veil(say) {
  veilText = say;
  $('veil').hidden = false;
  $('veil-text').textContent = say();
  showLink();
}

function showMe() {
  $('me-name').textContent = me.name;
  $('face').textContent = [...me.name][0]?.toUpperCase() ?? '?';
  $('face').style.background = colourOf(me.sub || me.name);
}

/** @param {unknown} error */
function why(error) {
  const { code, status, retryAfterMs, message } = error instanceof TidegateError ? error : new TidegateError('other', String(error));
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  const known = t().failed[code];
  if (typeof known === 'function') return known(seconds);
  if (known) return known;
  return status === 429 ? t().failed429(seconds) : t().failedOther(message);
}

let oopsTimer = 0;

function oops(error) {
  clearTimeout(oopsTimer);
  $('oops').textContent = why(error);
  $('oops').hidden = false;
  oopsTimer = setTimeout(() => ($('oops').hidden = true), OOPS_MS);
}

$('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = $('say').value.trim();
  if (!text || !room) return;
  $('say').value = '';
  try {
    await room.publish('chat', { text }, { patienceMs: PATIENCE_MS });
    $('oops').hidden = true;
  } catch (error) {
    if (!$('say').value) $('say').value = text;
    oops(error);
  }
});

async function like() {
  effects.hearts(1);
  if (!room || likesPending >= LIKES_AT_ONCE) return;
  likesPending += 1;
  try {
    await room.like({ patienceMs: PATIENCE_MS });
  } catch (error) {
    oops(error);
  } finally {
    likesPending -= 1;
  }
}

$('like').addEventListener('click', like);
$('stage').addEventListener('dblclick', (event) => event.target instanceof HTMLButtonElement || like());

giftButtons($('gift-list'), async (gift, button) => {
  if (!room) return;
  button.classList.add('given');
  setTimeout(() => button.classList.remove('given'), 300);
  try {
    await sendGift(gift, me.token || (await freshToken()));
  } catch (error) {
    if (!(error instanceof TidegateError) || error.status !== 401) return oops(error);
    // The page was open for longer than its token lives.
    await freshToken().then((token) => sendGift(gift, token)).catch(oops);
  }
});

$('fly').addEventListener('click', () => {
  danmaku.show(!danmaku.on);
  $('fly').setAttribute('aria-pressed', String(danmaku.on));
  $('fly-icon').setAttribute('href', danmaku.on ? '#i-fly' : '#i-fly-off');
});

$('lang').addEventListener('click', switchLanguage);
$('retry').addEventListener('click', start);

$('link').addEventListener('click', () => {
  showLink();
  $('link-dialog').showModal();
});
$('link-close').addEventListener('click', () => $('link-dialog').close());
$('cut').addEventListener('click', () => {
  tide?.reconnect();
  $('link-dialog').close();
});

$('me').addEventListener('click', () => {
  $('name-input').value = me.name;
  $('name-oops').hidden = true;
  $('name-dialog').showModal();
  $('name-input').select();
});
$('name-cancel').addEventListener('click', () => $('name-dialog').close());
$('name-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const before = me.name;
  const name = $('name-input').value.trim();
  if (!name) return;
  me.name = name;
  try {
    await freshToken();
    remember('name', name);
    tide?.renew();
    showMe();
    $('name-dialog').close();
  } catch (error) {
    me.name = before;
    $('name-oops').textContent = error.message;
    $('name-oops').hidden = false;
  }
});

for (const dialog of document.querySelectorAll('dialog')) {
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
}

localised(() => {
  fill();
  $('lang').textContent = t().languageName;
  if (room) showCounters(room.counters);
  if (veilText && !$('veil').hidden) $('veil-text').textContent = veilText();
  showLink();
});
showMe();
globalThis.demo = { tide: null, room: null, danmaku, me };
start();
