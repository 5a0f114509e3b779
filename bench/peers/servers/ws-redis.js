// Bare `ws` over Redis pub/sub, by hand: one channel per user, subscribed to while the user is here.
import { createServer } from 'node:http';
import { createClient } from 'redis';
import { WebSocketServer } from 'ws';

// Waits for a slow Redis: by default a command fails after five seconds, and its message is lost.
const publisher = createClient({ url: process.env.REDIS_URL, commandOptions: { timeout: undefined } });
const subscriber = publisher.duplicate();
for (const client of [publisher, subscriber]) client.on('error', (error) => console.error(error.message));
await Promise.all([publisher.connect(), subscriber.connect()]);

const socketsByUser = new Map();
const wss = new WebSocketServer({ noServer: true });
const http = createServer();

http.on('upgrade', (request, socket, head) => void admit(request, socket, head));

async function admit(request, socket, head) {
  const user = new URL(request.url, 'http://localhost').searchParams.get('user_id');
  socket.on('error', () => {});
  if (!user) return socket.destroy();
  // Answered only once Redis has the subscription, so that a client that is connected can be reached.
  await enter(user);
  if (socket.destroyed) return leave(user);
  wss.handleUpgrade(request, socket, head, (ws) => join(user, ws));
}

async function enter(user) {
  const channel = `user:${user}`;
  let room = socketsByUser.get(user);
  if (!room) {
    room = { holders: 0, sockets: new Set() };
    socketsByUser.set(user, room);
    room.deliver = (text) => {
      for (const ws of room.sockets) ws.send(text);
    };
    room.subscribed = subscriber.subscribe(channel, room.deliver);
  }
  room.holders++;
  await room.subscribed;
}

function leave(user) {
  const room = socketsByUser.get(user);
  if (--room.holders > 0) return;
  socketsByUser.delete(user);
  subscriber.unsubscribe(`user:${user}`, room.deliver).catch(() => {});
}

function join(user, ws) {
  const { sockets } = socketsByUser.get(user);
  sockets.add(ws);
  ws.on('error', () => {});
  ws.on('close', () => {
    sockets.delete(ws);
    leave(user);
  });
  ws.on('message', (frame) => {
    const { user_id, data } = JSON.parse(frame);
    publisher
      .publish(`user:${user_id}`, typeof data === 'string' ? data : JSON.stringify(data))
      .catch((error) => console.error(error.message));
  });
}

process.on('SIGTERM', () => process.exit(0));
http.listen(Number(process.env.PORT), process.env.HOST);
