// Socket.IO 4: a room per user. With REDIS_URL, nodes meet through @socket.io/redis-adapter.
import { createServer } from 'node:http';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false });

if (process.env.REDIS_URL) {
  // Waits for a slow Redis: by default a command fails after five seconds, and under overload that ends the process.
  const publisher = createClient({ url: process.env.REDIS_URL, commandOptions: { timeout: undefined } });
  const subscriber = publisher.duplicate();
  for (const client of [publisher, subscriber]) client.on('error', (error) => console.error(error.message));
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const create = process.env.REDIS_ADAPTER === 'sharded' ? createShardedAdapter : createAdapter;
  io.adapter(create(publisher, subscriber));
}

io.on('connection', (socket) => {
  void socket.join(`user:${String(socket.handshake.query.user_id)}`);
  socket.on('send', (user, data) => io.to(`user:${user}`).emit('message', data));
});

process.on('SIGTERM', () => process.exit(0));
http.listen(Number(process.env.PORT), process.env.HOST);
