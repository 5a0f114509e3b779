import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { dialects, onlineAtUpgrade } from './dialects.js';
import { Stencil, clientFrame, findMark, isMark, randomMask } from './wire.js';

/**
 * All clients read into this one buffer. The callback uses what is in it before it returns. With a buffer for each read,
 * most of the generator's garbage would be buffers.
 */
const shared = Buffer.allocUnsafeSlow(256 * 1024);

const EMPTY = Buffer.alloc(0);

/**
 * One WebSocket client on a raw TCP socket.
 *
 * `onMessage(buffer, markAt)` is called for each measured message, and `onBatch()` after the last one of a read.
 */
export class Client {
  #rest = EMPTY;
  #upgraded = false;
  #markAt = -1;
  #messageLength = -1;
  #frameLeft = 0;
  #isOnline = false;
  #resolve;
  #reject;

  onMessage = () => {};
  onBatch = () => {};
  /** Called when the connection ends without `close()`. */
  onLost = () => {};

  corrupt = 0;
  refusals = 0;
  lastRefusal = '';

  constructor(dialectName, user, options) {
    this.user = user;
    this.dialect = dialects[dialectName];
    this.mask = randomMask();
    this.onlineAtUpgrade = onlineAtUpgrade(dialectName, options);
    const { path, headers = [] } = this.dialect.request(user, options);
    // Made beforehand, so that making tokens and keys does not count as the cost of connecting.
    this.request = [
      `GET ${path} HTTP/1.1`,
      'Host: bench',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      'Sec-WebSocket-Version: 13',
      ...headers,
      '\r\n',
    ].join('\r\n');
  }

  /** Resolves when the server has accepted the client. */
  connect({ host, port, localAddress }) {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.socket = connect({
        host,
        port,
        localAddress,
        noDelay: true,
        onread: {
          buffer: shared,
          callback: (length, buffer) => {
            this.#read(buffer, length);
            return true;
          },
        },
      });
      this.socket.on('connect', () => this.socket.write(this.request, 'latin1'));
      this.socket.on('error', (error) => this.#lost(error));
      this.socket.on('close', () => this.#lost(new Error('closed by the server')));
    });
  }

  online() {
    this.#isOnline = true;
    this.#resolve();
  }

  refused(text) {
    this.refusals++;
    this.lastRefusal = text.slice(0, 200);
  }

  sendText(text, opcode = 1) {
    this.socket.write(clientFrame(text, this.mask, opcode));
  }

  stencil(to, pair, bytes) {
    const { before, after, stream = false } = this.dialect;
    return new Stencil({ before: before(to, bytes), after, pair, bytes, merge: stream });
  }

  /** Resets the connection instead of closing it: what is in TIME_WAIT would disturb the next measurement. */
  close() {
    this.#isOnline = false;
    this.socket?.resetAndDestroy();
  }

  #lost(error) {
    if (this.#isOnline) {
      this.#isOnline = false;
      this.onLost(error);
    }
    this.#reject?.(error);
  }

  #read(buffer, length) {
    if (this.#rest.length > 0) {
      buffer = Buffer.concat([this.#rest, buffer.subarray(0, length)]);
      length = buffer.length;
      this.#rest = EMPTY;
    }
    let at = 0;
    if (!this.#upgraded) {
      at = this.#upgrade(buffer, length);
      if (at < 0) return;
    }
    at = this.dialect.stream ? this.#readStream(buffer, at, length) : this.#readFrames(buffer, at, length);
    if (at < length) this.#rest = Buffer.from(buffer.subarray(at, length));
    this.onBatch();
  }

  #upgrade(buffer, length) {
    const end = buffer.subarray(0, length).indexOf('\r\n\r\n');
    if (end < 0) {
      this.#rest = Buffer.from(buffer.subarray(0, length));
      return -1;
    }
    const status = buffer.toString('latin1', 0, Math.min(end, 60)).split('\r\n')[0];
    if (!status.startsWith('HTTP/1.1 101')) {
      this.#reject(new Error(`${status} ${buffer.toString('latin1', end + 4, Math.min(length, end + 300))}`));
      this.socket.destroy();
      return -1;
    }
    this.#upgraded = true;
    this.request = '';
    const { greet } = this.dialect;
    if (greet) this.sendText(greet(this.user), 2);
    if (this.onlineAtUpgrade) this.online();
    return end + 4;
  }

  /** @returns {number} where the first frame begins that is not complete yet */
  #readFrames(buffer, at, end) {
    while (end - at >= 2) {
      let length = buffer[at + 1];
      let start = at + 2;
      if (length === 126) {
        if (end - at < 4) break;
        length = buffer.readUInt16BE(at + 2);
        start = at + 4;
      } else if (length === 127) {
        if (end - at < 10) break;
        length = buffer.readUInt32BE(at + 6);
        start = at + 10;
      }
      const stop = start + length;
      if (stop > end) break;
      const opcode = buffer[at] & 15;
      if (opcode === 1 || opcode === 2) {
        if (length === this.#messageLength && isMark(buffer, start + this.#markAt)) {
          this.onMessage(buffer, start + this.#markAt);
        } else {
          this.#unusual(buffer, start, stop);
        }
      } else {
        this.#controlFrame(opcode, buffer, start, stop);
      }
      at = stop;
    }
    return at;
  }

  /** The first message shows the form of all messages. A later one that differs is damaged, or is no message. */
  #unusual(buffer, start, stop) {
    const at = findMark(buffer, start, stop);
    if (at < 0) return this.dialect.control?.(buffer.toString('latin1', start, stop), this);
    if (this.#messageLength >= 0) return this.corrupt++;
    this.#markAt = at - start;
    this.#messageLength = stop - start;
    this.onMessage(buffer, at);
  }

  #controlFrame(opcode, buffer, start, stop) {
    if (opcode === 9) this.sendText(buffer.toString('latin1', start, stop), 10);
    else if (opcode === 8) {
      const code = stop - start >= 2 ? buffer.readUInt16BE(start) : 'no code';
      this.refused(`closed with ${code} ${buffer.toString('utf8', start + 2, stop)}`);
    } else if (opcode === 0) this.corrupt++;
  }

  /**
   * The frames carry a stream of lines, and a line may go over the end of a frame. The lines are read where they are in
   * the chunk. Only a line that the end of a frame or chunk cuts is copied, by `#readElements`.
   */
  #readStream(buffer, at, end) {
    while (at < end) {
      if (this.#frameLeft === 0) {
        if (end - at < 2) return at;
        let length = buffer[at + 1];
        let start = at + 2;
        if (length === 126) {
          if (end - at < 4) return at;
          length = buffer.readUInt16BE(at + 2);
          start = at + 4;
        } else if (length === 127) {
          if (end - at < 10) return at;
          length = buffer.readUInt32BE(at + 6);
          start = at + 10;
        }
        const opcode = buffer[at] & 15;
        if (opcode >= 8) {
          if (end - start < length) return at;
          this.#controlFrame(opcode, buffer, start, start + length);
          at = start + length;
          continue;
        }
        this.#frameLeft = length;
        at = start;
      }
      const stop = Math.min(end, at + this.#frameLeft);
      this.#frameLeft -= stop - at;
      this.#readElements(buffer, at, stop);
      at = stop;
    }
    return at;
  }

  #pending = EMPTY;

  #readElements(buffer, at, stop) {
    if (this.#pending.length > 0) {
      buffer = Buffer.concat([this.#pending, buffer.subarray(at, stop)]);
      at = 0;
      stop = buffer.length;
      this.#pending = EMPTY;
    }
    while (at < stop) {
      if (this.#messageLength >= 0 && stop - at >= this.#messageLength && isMark(buffer, at + this.#markAt)) {
        this.onMessage(buffer, at + this.#markAt);
        at += this.#messageLength;
        continue;
      }
      const line = buffer.indexOf(10, at);
      if (line < 0 || line >= stop) break;
      if (buffer[at] !== 0x4d /* MSG */) {
        this.dialect.control(buffer.toString('latin1', at, line), this);
        at = line + 1;
        continue;
      }
      const bytes = Number(buffer.toString('latin1', buffer.lastIndexOf(32, line) + 1, line - 1));
      const next = line + 1 + bytes + 2;
      if (next > stop) break;
      if (this.#messageLength >= 0 && this.#messageLength !== next - at) this.corrupt++;
      this.#messageLength = next - at;
      this.#markAt = line + 1 - at;
      this.onMessage(buffer, line + 1);
      at = next;
    }
    if (at < stop) this.#pending = Buffer.from(buffer.subarray(at, stop));
  }
}

/** What servers refused: how often, and why the last time. */
export function refusalsOf(clients) {
  let count = 0;
  let last = '';
  for (const client of clients) {
    count += client.refusals;
    last = client.lastRefusal || last;
  }
  return { count, last };
}
