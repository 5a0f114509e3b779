// Bare `ws`, one node, routing by hand: what a good engineer writes in an afternoon.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const socketsByUser = new Map();
const wss = new WebSocketServer({ noServer: true });
const http = createServer();

http.on('upgrade', (request, socket, head) => {
  const user = new URL(request.url, 'http://localhost').searchParams.get('user_id');
  if (!user) return socket.destroy();
  wss.handleUpgrade(request, socket, head, (ws) => join(user, ws));
});

function join(user, ws) {
  let sockets = socketsByUser.get(user);
  if (!sockets) socketsByUser.set(user, (sockets = new Set()));
  sockets.add(ws);
  ws.on('error', () => {});
  ws.on('close', () => {
    sockets.delete(ws);
    if (sockets.size === 0 && socketsByUser.get(user) === sockets) socketsByUser.delete(user);
  });
  ws.on('message', (frame) => {
    const { user_id, data } = JSON.parse(frame);
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    for (const peer of socketsByUser.get(String(user_id)) ?? []) peer.send(text);
  });
}

process.on('SIGTERM', () => process.exit(0));
http.listen(Number(process.env.PORT), process.env.HOST);
