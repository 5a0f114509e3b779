import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientFrame, handshake } from '../test/support/raw-client.js';

const CONNECTING_AT_ONCE = 50;
const HEAD_END = '\r\n\r\n';
const SUBPROTOCOL = 'Sec-WebSocket-Protocol: lanfare.v1.json';

/**
 * Clients that are in rooms and read nothing: they only count what comes. So thousands of them fit one process. They answer no
 * pings: their node must not send any.
 */
export class RoomMembers {
  readonly #sockets: Socket[] = [];
  /** Of all that came, with WebSocket's own. */
  bytes = 0;
  /** Frames are told by their headers. */
  frames = 0;

  get size(): number {
    return this.#sockets.length;
  }

  /** Connects them, in turn to these ports, as users `name` and a number. */
  async connect(count: number, ports: readonly number[], name: string): Promise<void> {
    let next = 0;
    const some = async (): Promise<void> => {
      while (next < count) {
        const index = next++;
        this.#sockets[index] = await this.#open(ports[index % ports.length] as number, `${name}${index}`);
      }
    };
    await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, some));
  }

  send(index: number, frame: object): void {
    this.#sockets[index]?.write(clientFrame(1, JSON.stringify(frame)));
  }

  sendAll(frame: object): void {
    const bytes = clientFrame(1, JSON.stringify(frame));
    for (const socket of this.#sockets) socket.write(bytes);
  }

  /** Waits until nothing has come for a second. Returns how long it took until then, in ms. */
  async untilQuiet(): Promise<number> {
    const start = performance.now();
    let last = start;
    for (let { bytes } = this; performance.now() - last < 1_000; await sleep(20)) {
      if (bytes !== this.bytes) last = performance.now();
      bytes = this.bytes;
    }
    return last - start;
  }

  close(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }

  async #open(port: number, user: string): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(handshake(`/chat?user_id=${user}`, [SUBPROTOCOL]));
    const [first] = (await once(socket, 'data')) as [Buffer];
    const end = first.indexOf(HEAD_END);
    if (end < 0 || !first.includes(' 101 ')) throw new Error(`refused: ${first.toString('latin1')}`);
    const reader = new FrameCount();
    const count = (chunk: Buffer): void => {
      this.bytes += chunk.length;
      this.frames += reader.take(chunk);
    };
    count(first.subarray(end + HEAD_END.length));
    socket.on('data', count);
    return socket;
  }
}

/** Counts the frames of a server by their headers. */
class FrameCount {
  /** Bytes of the present frame that have not come. */
  #left = 0;
  /** What has come of a header that is not whole. */
  #header: Buffer = Buffer.alloc(0);

  /** Returns how many frames began in it. */
  take(chunk: Buffer): number {
    let bytes = this.#header.length === 0 ? chunk : Buffer.concat([this.#header, chunk]);
    this.#header = Buffer.alloc(0);
    let frames = 0;
    for (;;) {
      const taken = Math.min(this.#left, bytes.length);
      this.#left -= taken;
      bytes = bytes.subarray(taken);
      if (bytes.length === 0) return frames;
      const length = frameLength(bytes);
      if (length === null) {
        this.#header = bytes;
        return frames;
      }
      frames += 1;
      this.#left = length;
    }
  }
}

/** Of a frame of the server with its header; null: more of the header is needed. */
function frameLength(header: Buffer): number | null {
  if (header.length < 2) return null;
  const short = (header[1] as number) & 0x7f;
  if (short < 126) return 2 + short;
  if (short === 126) return header.length < 4 ? null : 4 + header.readUInt16BE(2);
  return header.length < 10 ? null : 10 + Number(header.readBigUInt64BE(2));
}
