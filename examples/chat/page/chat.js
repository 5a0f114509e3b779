/**
 * A chat with rooms, with who is online and who is typing, made with lanfare-client. The page's query has the name of the user. What people
 * write is shown as text, never as markup.
 */
import { connect } from './lanfare-client.js';

const ROOMS = ['lobby', 'games', 'music'];
/** Typing is told this often at most, and shown that long. */
const TYPING_TOLD_MS = 1500;
const TYPING_SHOWN_MS = 3000;

const find = (selector) => document.querySelector(selector);
const name = new URLSearchParams(location.search).get('name');

/** One room: its tab, what was said in it, and who is typing there. */
class Conversation {
  lines = document.createElement('ul');
  tab = document.createElement('button');
  /** When who was last seen typing. */
  typing = new Map();
  unread = 0;
  toldAt = 0;

  constructor(lan, title) {
    this.title = title;
    this.lines.setAttribute('role', 'log');
    this.tab.addEventListener('click', () => show(this));
    this.room = lan.room(`chat:${title}`, { presence: 'both' });
    this.room.on('presence', paint);
    this.room.on('message', ({ from, data }) => this.heard(from, data));
    this.room.on('joined', ({ again }) => {
      if (again) this.add('note', 'You were away. What was said meanwhile is not shown.');
    });
    this.room.on('left', ({ reason }) => this.add('note', `You are not in this room: ${reason}`));
  }

  add(kind, text) {
    const line = document.createElement('li');
    line.className = kind;
    line.textContent = text;
    this.lines.append(line);
    line.scrollIntoView({ block: 'nearest' });
    return line;
  }

  heard(from, { text }) {
    if (text === undefined) {
      this.typing.set(from, Date.now());
      setTimeout(paint, TYPING_SHOWN_MS);
    } else {
      this.typing.delete(from);
      this.add('line', `${from}: ${text}`);
      if (this !== shown) this.unread += 1;
    }
    paint();
  }

  /** With the queue it waits for a connection, and is not said twice when the connection breaks meanwhile. */
  async say(text) {
    const line = this.add('line pending', `${name}: ${text}`);
    try {
      await this.room.publish({ text }, { echo: false });
      line.className = 'line';
    } catch (error) {
      line.className = 'line failed';
      line.append(` (${error.message})`);
    }
    this.toldAt = 0;
  }

  /** Volatile: it may get lost, and nothing waits for it. */
  tellTyping() {
    if (Date.now() - this.toldAt < TYPING_TOLD_MS) return;
    this.toldAt = Date.now();
    this.room.publish({ typing: true }, { echo: false, volatile: true }).catch(() => undefined);
  }

  /** Who is in the room. In a large one it is only counted. */
  get people() {
    const { members, count } = this.room.presence;
    return count === null ? members.map(({ user_id }) => user_id).join(', ') : `${count.users} users`;
  }

  /** Who was typing just now. */
  get typists() {
    return [...this.typing].filter(([, at]) => Date.now() - at < TYPING_SHOWN_MS).map(([user]) => user);
  }
}

/** The conversation that is to be seen. */
let shown;
const conversations = [];

function show(conversation) {
  shown = conversation;
  conversation.unread = 0;
  find('#talk').replaceChildren(conversation.lines);
  conversation.lines.lastElementChild?.scrollIntoView({ block: 'nearest' });
  find('#say').text.focus();
  paint();
}

function paint() {
  for (const { tab, title, unread } of conversations) {
    tab.textContent = unread === 0 ? title : `${title} (${unread})`;
    tab.setAttribute('aria-current', tab === shown.tab);
  }
  const { typists, people } = shown;
  find('#people').textContent = people === '' ? '' : `Online: ${people}`;
  const verb = typists.length === 1 ? 'is' : 'are';
  find('#typing').textContent = typists.length === 0 ? '' : `${typists.join(' and ')} ${verb} typing …`;
}

function enter() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const lan = connect({
    url: `${scheme}://${location.host}/chat?user_id=${encodeURIComponent(name)}`,
    queue: { max: 20, ttlMs: 60_000 },
  });
  lan.on('state', ({ name: state, reason, retryInMs }) => {
    find('#status').textContent =
      {
        open: name,
        connecting: 'connecting …',
        closed: `not connected: ${reason}`,
      }[state] ?? `connecting again in ${Math.ceil(retryInMs / 1000)} s`;
  });
  for (const title of ROOMS) conversations.push(new Conversation(lan, title));
  find('nav').append(...conversations.map(({ tab }) => tab));
  find('main').hidden = false;
  find('#login').hidden = true;
  show(conversations[0]);

  const say = find('#say');
  say.text.addEventListener('input', () => shown.tellTyping());
  say.addEventListener('submit', (event) => {
    event.preventDefault();
    void shown.say(say.text.value);
    say.reset();
  });
}

if (name) enter();
