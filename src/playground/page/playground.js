/**
 * Two tabs are two users, who write to each other and to rooms, with lanfare-client. What arrives is shown as text, never
 * as markup. The page's query may have `user_id` (else the user is a random one), `to` and `room`.
 */
import { connect } from './lanfare-client.js';

const LOG_LINES_MAX = 200;

const { connection, direct, joining } = Object.fromEntries(
  [...document.forms].map((form) => [form.id, form.elements]),
);
const [status, log, other, rooms, template] = ['status', 'log', 'other', 'rooms', 'room'].map((id) =>
  document.getElementById(id),
);

/** The present connection to the cluster; null: none. */
let lan = null;
/** The forms of the rooms that this tab is in, or wants to be, by the room. */
const cards = new Map();

function show(kind, text) {
  const item = document.createElement('li');
  item.className = kind;
  item.textContent = text;
  log.prepend(item);
  while (log.childElementCount > LOG_LINES_MAX) log.lastElementChild.remove();
}

const sender = (from) => (from === null ? 'the application' : `user ${from}`);
const counted = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** Shows what became of a message. */
async function showOutcome(promise) {
  try {
    const { delivered, complete } = await promise;
    show('note', `delivered to ${counted(delivered, 'device')}${complete ? '' : ', perhaps to more'}`);
  } catch (error) {
    show('error', error.message);
  }
}

function open() {
  const { user, node, token } = connection;
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const query = `user_id=${encodeURIComponent(user.value)}`;
  lan = connect({
    url: `${scheme}://${node.value}${document.body.dataset.path}?${query}`,
    token: token.value.trim() || undefined,
  });
  lan.on('state', showState);
  lan.on('message', ({ from, data, broadcast }) =>
    show('in', `${sender(from)}${broadcast ? ', to all' : ''}: ${JSON.stringify(data)}`),
  );
  lan.on('room', (room) => {
    show('note', `the server put you into ${room.name}`);
    showRoom(room);
  });
  lan.on('event', (event) => show('note', JSON.stringify(event)));
  lan.on('error', ({ message }) => show('error', message));
  showState(lan.state);
}

function showState({ name, code, reason, retryInMs = 0 }) {
  const isOpen = name === 'open';
  const isClosedHere = name === 'closed' && code === 1000;
  const why = `not connected: ${[code, reason].filter(Boolean).join(', ')}`;
  direct.submit.disabled = joining.submit.disabled = !isOpen;
  connection.leave.disabled = name === 'closed';
  status.textContent = {
    connecting: 'connecting',
    open: `connected as user ${lan.session?.user_id}`,
    waiting: `${why}; again in ${(retryInMs / 1000).toFixed(1)} s`,
    closed: isClosedHere ? 'not connected' : why,
  }[name];
  if (isOpen) show('note', `connected to node ${lan.session.node_id}`);
  else if (name !== 'connecting' && !isClosedHere) show('note', why);
  for (const room of cards.keys()) showMembers(room);
}

/** Gives a room its form, and shows what happens in it. */
function showRoom(room) {
  const form = template.content.firstElementChild.cloneNode(true);
  const { text, leave } = form.elements;
  form.querySelector('span').textContent = `To ${room.name}`;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    show('out', `to ${room.name}: ${JSON.stringify(text.value)}`);
    void showOutcome(room.publish(text.value));
  });
  leave.addEventListener('click', () => {
    remove(room);
    void room.leave();
    show('note', `left ${room.name}`);
  });
  rooms.append(form);
  cards.set(room, form);
  showMembers(room);

  room.on('message', ({ from, data }) =>
    show('in', `${room.name}, ${sender(from)}: ${JSON.stringify(data)}`),
  );
  room.on('presence', () => showMembers(room));
  room.on('joined', ({ again }) => {
    show('note', `joined ${room.name}${again ? ' again: what was published meanwhile was missed' : ''}`);
    showMembers(room);
  });
  room.on('left', async ({ reason }) => {
    remove(room);
    const refusal = await room.joined.then(() => null).catch((error) => error);
    if (refusal === null) show('note', `left ${room.name}: ${reason}`);
    else show('error', `${room.name}: ${refusal.message}`);
  });
}

function showMembers(room) {
  const form = cards.get(room);
  const { members, count } = room.presence;
  const users = members.map(({ user_id, devices }) => (devices === 1 ? user_id : `${user_id} ×${devices}`));
  let text = room.state;
  if (room.state === 'joined' && count !== null)
    text = `${counted(count.users, 'user')} on ${counted(count.devices, 'device')}`;
  else if (room.state === 'joined' && users.length > 0) text = `here: ${users.join(', ')}`;
  form.querySelector('p').textContent = text;
  form.elements.submit.disabled = room.state !== 'joined';
}

function remove(room) {
  cards.get(room)?.remove();
  cards.delete(room);
}

/** A handler of a form's submit. */
const submitted = (act) => (event) => {
  event.preventDefault();
  act();
};

document.forms.connection.addEventListener(
  'submit',
  submitted(() => {
    lan?.close();
    open();
  }),
);
connection.leave.addEventListener('click', () => lan.close());

document.forms.direct.addEventListener(
  'submit',
  submitted(() => {
    const [to, text] = [direct.to.value, direct.text.value];
    show('out', `to user ${to}: ${JSON.stringify(text)}`);
    void showOutcome(lan.send(to, text));
  }),
);

document.forms.joining.addEventListener(
  'submit',
  submitted(() => {
    const { room: name, presence } = joining;
    const room = lan.room(name.value, presence.checked ? { presence: 'both' } : {});
    if (!cards.has(room)) showRoom(room);
  }),
);

const query = new URLSearchParams(location.search);
const randomUser = () => String(1000 + Math.floor(9000 * Math.random()));
connection.user.value = query.get('user_id') ?? randomUser();
connection.node.value = location.host;
direct.to.value = query.get('to') ?? randomUser();
joining.room.value = query.get('room') ?? 'lobby';

const link = () => {
  const values = { user_id: direct.to.value, to: connection.user.value, room: joining.room.value };
  other.href = `?${new URLSearchParams(values)}`;
};
document.addEventListener('input', link);
link();
