// Not a peer: the least a server can do, to find out what the generator itself can do. It answers the
// upgrade, knows users in pairs (a7 and b7) and turns frames of one into frames of the other without looking
// at what is in them: no parsing, no routing, no limits. It understands nothing but this generator.
// With FAULTS it drops one frame in a thousand, sends another twice and a third late: the generator must notice.
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';

const faults = process.env.FAULTS === '1';
const socketsByUser = new Map();

createServer((socket) => {
  let other;
  let rest = null;
  let frames = 0;
  let late = null;
  const spoil = (out, begin, end) => {
    if (late) {
      end += late.copy(out, end);
      late = null;
    }
    switch (++frames % 1000) {
      case 300:
        return begin;
      case 600:
        return end + out.copy(out, end, begin, end);
      case 900:
        late = Buffer.from(out.subarray(begin, end));
        return begin;
      default:
        return end;
    }
  };
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.once('data', (head) => {
    const text = head.toString('latin1');
    const user = /[?&]user_id=(\w+)/.exec(text)[1];
    const key = /sec-websocket-key: (\S+)/i.exec(text)[1];
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socketsByUser.set(user, socket);
    const partner = (user[0] === 'a' ? 'b' : 'a') + user.slice(1);
    socket.on('data', (chunk) => {
      other ??= socketsByUser.get(partner);
      if (rest) chunk = Buffer.concat([rest, chunk]);
      const out = Buffer.allocUnsafe(chunk.length * (faults ? 3 : 1));
      let at = 0;
      let end = 0;
      while (at + 8 <= chunk.length) {
        const short = chunk[at + 1] & 0x7f;
        const header = short < 126 ? 2 : 4;
        const length = short < 126 ? short : chunk.readUInt16BE(at + 2);
        const next = at + header + 4 + length;
        if (next > chunk.length) break;
        const begin = end;
        out[end++] = chunk[at];
        out[end++] = short;
        for (let i = 2; i < header; i++) out[end++] = chunk[at + i];
        // The generator's mask repeats one byte, see wire.js.
        const mask = chunk[at + header];
        for (let i = at + header + 4; i < next; i++) out[end++] = chunk[i] ^ mask;
        at = next;
        if (faults) end = spoil(out, begin, end);
      }
      rest = at < chunk.length ? Buffer.from(chunk.subarray(at)) : null;
      if (end > 0) other.write(out.subarray(0, end));
    });
  });
}).listen(Number(process.env.PORT), process.env.HOST);

process.on('SIGTERM', () => process.exit(0));
