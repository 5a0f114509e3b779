// Bun's own server, which is uWebSockets, routing by hand: the same as ws.js, in Bun's words.
const socketsByUser = new Map();

const server = Bun.serve({
  hostname: process.env.HOST,
  port: Number(process.env.PORT),
  fetch(request) {
    const user = new URL(request.url).searchParams.get('user_id');
    if (user && server.upgrade(request, { data: { user } })) return undefined;
    return new Response(null, { status: 400 });
  },
  websocket: {
    perMessageDeflate: false,
    open(ws) {
      const { user } = ws.data;
      let sockets = socketsByUser.get(user);
      if (!sockets) socketsByUser.set(user, (sockets = new Set()));
      sockets.add(ws);
    },
    close(ws) {
      const { user } = ws.data;
      const sockets = socketsByUser.get(user);
      sockets?.delete(ws);
      if (sockets?.size === 0) socketsByUser.delete(user);
    },
    message(_, frame) {
      const { user_id, data } = JSON.parse(frame);
      const text = typeof data === 'string' ? data : JSON.stringify(data);
      for (const peer of socketsByUser.get(String(user_id)) ?? []) peer.send(text);
    },
  },
});

process.on('SIGTERM', () => process.exit(0));
