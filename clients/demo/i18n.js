/** What the page says, in its languages. A value is a text, or a function of what it is about. */
const TEXTS = {
  en: {
    skip: 'Skip to the chat box',
    language: 'Switch to Chinese',
    languageName: '中文',
    stage: 'Live picture',
    scene: 'A lighthouse over a moving sea at night',
    live: 'LIVE',
    online: 'Watching now',
    gifts: 'Gifts and likes',
    chat: 'Chat',
    like: 'Like',
    danmaku: 'Comments flying over the picture',
    say: 'Say something…',
    send: 'Send',
    rename: 'Change your name',
    retry: 'Try again',
    nameHead: 'Your name',
    nameHint: 'Others see it beside what you write.',
    save: 'Save',
    cancel: 'Cancel',
    close: 'Close',
    linkHead: 'Connection',
    linkHint: 'Cut it and watch: the page goes on at another node or region and catches up on what was said meanwhile.',
    cut: 'Cut the connection',
    node: 'Node',
    region: 'Region',
    address: 'Address',
    room: 'Room',
    you: 'You are',
    connecting: 'Connecting…',
    open: (node, region) => `Live · ${region} · ${node}`,
    movedNode: (node, from) => `Moved from ${from} to ${node}`,
    movedRegion: (region, from) => `Moved from region ${from} to region ${region}`,
    waiting: (seconds) => (seconds > 0 ? `Reconnecting in ${seconds} s…` : 'Reconnecting…'),
    closed: 'Disconnected',
    idle: 'Not connected',
    rose: 'Rose',
    lantern: 'Lantern',
    rocket: 'Rocket',
    fireworks: 'Fireworks',
    sendGift: (gift) => `Send a gift: ${gift}`,
    gave: (gift, count) => (count > 1 ? `sent ${gift} × ${count}` : `sent ${gift}`),
    newer: (count) => (count === 1 ? '1 new message ↓' : `${count} new messages ↓`),
    leftOut: (count) => (count === null ? 'Some chat from before is missing here' : `${count} chat ${count === 1 ? 'message was' : 'messages were'} left out: this room is very busy`),
    reset: 'You were away too long to be shown everything; it goes on from here',
    removed: 'removed by a moderator',
    welcome: (room) => `Welcome to ${room}. Be kind.`,
    ended: {
      banned: 'You are banned from this room.',
      kicked: 'A moderator has removed you from this room.',
      room_closed: 'This room is closed.',
      no_room: 'This room does not exist.',
      disconnected: 'The service has ended this connection.',
    },
    endedOther: (code) => `The room has ended for you (${code}).`,
    startFailed: 'The room cannot be reached right now.',
    failed: {
      muted: 'You are muted in this room.',
      banned: 'You are banned from this room.',
      slow: (seconds) => `Slow mode: wait ${seconds} s.`,
      busy: 'Too much is waiting to be sent. Give it a moment.',
      unreachable: 'The service is out of reach. Your text is still here.',
      timeout: 'The service gave no answer in time. Your text is still here.',
    },
    failed429: (seconds) => `A little slower, please: wait ${seconds} s.`,
    failedOther: (text) => `Not sent: ${text}`,
  },
  zh: {
    skip: '跳到聊天输入框',
    language: '切换到英文',
    languageName: 'EN',
    stage: '直播画面',
    scene: '夜晚起伏的海面与灯塔',
    live: '直播中',
    online: '正在观看',
    gifts: '礼物与点赞',
    chat: '聊天',
    like: '点赞',
    danmaku: '弹幕',
    say: '说点什么…',
    send: '发送',
    rename: '修改昵称',
    retry: '重试',
    nameHead: '你的昵称',
    nameHint: '会显示在你发言的旁边。',
    save: '保存',
    cancel: '取消',
    close: '关闭',
    linkHead: '连接',
    linkHint: '断开试试：页面会在另一个节点或区域上继续，并补上这段时间的消息。',
    cut: '断开连接',
    node: '节点',
    region: '区域',
    address: '地址',
    room: '房间',
    you: '你是',
    connecting: '连接中…',
    open: (node, region) => `已连接 · ${region} · ${node}`,
    movedNode: (node, from) => `已从 ${from} 切换到 ${node}`,
    movedRegion: (region, from) => `已从区域 ${from} 切换到区域 ${region}`,
    waiting: (seconds) => (seconds > 0 ? `${seconds} 秒后重连…` : '重连中…'),
    closed: '已断开',
    idle: '未连接',
    rose: '玫瑰',
    lantern: '灯笼',
    rocket: '火箭',
    fireworks: '烟花',
    sendGift: (gift) => `送出礼物：${gift}`,
    gave: (gift, count) => (count > 1 ? `送出了${gift} × ${count}` : `送出了${gift}`),
    newer: (count) => `${count} 条新消息 ↓`,
    leftOut: (count) => (count === null ? '之前的部分聊天无法显示' : `房间太热闹，已为你略过 ${count} 条聊天`),
    reset: '离开太久，部分消息无法补上，从这里继续',
    removed: '已被管理员移除',
    welcome: (room) => `欢迎来到${room}，请友善发言。`,
    ended: {
      banned: '你已被禁止进入此房间。',
      kicked: '管理员已将你移出房间。',
      room_closed: '房间已关闭。',
      no_room: '房间不存在。',
      disconnected: '服务已结束此连接。',
    },
    endedOther: (code) => `房间已结束（${code}）。`,
    startFailed: '暂时无法进入房间。',
    failed: {
      muted: '你在此房间被禁言。',
      banned: '你已被禁止进入此房间。',
      slow: (seconds) => `慢速模式：请等待 ${seconds} 秒。`,
      busy: '待发送的消息太多，请稍等。',
      unreachable: '服务暂时无法访问，你的文字还在。',
      timeout: '服务没有及时回应，你的文字还在。',
    },
    failed429: (seconds) => `慢一点，请等待 ${seconds} 秒。`,
    failedOther: (text) => `未发送：${text}`,
  },
};

/** @param {string} key */
export function remembered(key) {
  try {
    return localStorage.getItem(`tidegate.${key}`) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} key @param {string} value */
export function remember(key, value) {
  try {
    localStorage.setItem(`tidegate.${key}`, value);
  } catch {
    // A browser that keeps nothing forgets this too.
  }
}

const asked = new URLSearchParams(location.search).get('lang') ?? (remembered('lang') || navigator.language);
let lang = asked.toLowerCase().startsWith('zh') ? 'zh' : 'en';
const listeners = new Set();

/** The texts of the language that is chosen. */
export function t() {
  return TEXTS[lang];
}

/** Calls `render` now and whenever the language changes. */
export function localised(render) {
  listeners.add(render);
  render();
}

/** Puts the texts into every element that names one. */
export function fill() {
  document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
  for (const element of document.querySelectorAll('[data-i18n]')) element.textContent = t()[element.dataset.i18n];
  for (const element of document.querySelectorAll('[data-i18n-label]')) element.setAttribute('aria-label', t()[element.dataset.i18nLabel]);
  for (const element of document.querySelectorAll('[data-i18n-title]')) element.title = t()[element.dataset.i18nTitle];
  for (const element of document.querySelectorAll('[data-i18n-placeholder]')) element.placeholder = t()[element.dataset.i18nPlaceholder];
}

/** The other language. */
export function switchLanguage() {
  lang = lang === 'zh' ? 'en' : 'zh';
  remember('lang', lang);
  for (const render of listeners) render();
}

/** 12,345 or 1.2 万, as the language writes it. */
export function number(value) {
  return new Intl.NumberFormat(lang === 'zh' ? 'zh-CN' : 'en', value >= 10_000 ? { notation: 'compact', maximumFractionDigits: 1 } : {}).format(value);
}
