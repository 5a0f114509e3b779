import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A TCP client that writes what it likes, byte for byte, and reads HTTP and frames itself. */
export class RawClient {
  #received: Buffer = Buffer.alloc(0);
  #hasEnded = false;
  readonly #waiters = new Set<() => void>();

  private constructor(readonly socket: Socket) {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('close', () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect(port, host);
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Connects and completes a handshake. */
  static async open(port: number, path: string, headers: readonly string[] = []): Promise<RawClient> {
    const client = await RawClient.connect(port);
    client.write(handshake(path, headers));
    const response = await client.response();
    if (response.status !== 101) throw new Error(`expected 101, got ${response.status}: ${response.body}`);
    return client;
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** The head of an HTTP response, and as much of its body as Content-Length says. */
  async response(): Promise<{ status: number; headers: Record<string, string>; body: string }> {
    const headEnd = await this.#until(() => {
      const at = this.#received.indexOf('\r\n\r\n');
      return at < 0 ? null : at;
    });
    const [first = '', ...lines] = this.#received.toString('latin1', 0, headEnd).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    const bodyEnd = headEnd + 4 + Number(headers['content-length'] ?? 0);
    await this.#until(() => (this.#received.length >= bodyEnd ? true : null));
    const body = this.#received.toString('utf8', headEnd + 4, bodyEnd);
    this.#received = this.#received.subarray(bodyEnd);
    return { status: Number(first.split(' ')[1]), headers, body };
  }

  /** The next frame of the server. */
  async frame(): Promise<RawFrame> {
    return this.#until(() => {
      const frame = readFrame(this.#received);
      if (frame === null) return null;
      this.#received = this.#received.subarray(frame.end);
      return { opcode: frame.opcode, payload: frame.payload };
    });
  }

  /** The close frame, dropping what comes before. */
  async closeFrame(): Promise<{ code: number; reason: string }> {
    for (;;) {
      const { opcode, payload } = await this.frame();
      if (opcode === 8) return { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) };
    }
  }

  /** Resolves when the server has closed the TCP connection. */
  async ended(): Promise<void> {
    if (!this.#hasEnded) await once(this.socket, 'close');
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #until<T>(look: () => T | null): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== null) return found;
      if (this.#hasEnded) {
        throw new Error(
          `the server closed the connection after ${JSON.stringify(this.#received.toString())}`,
        );
      }
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }
}

/** A valid upgrade request. `headers` that are given replace those of the same name; `Name:` alone removes it. */
export function handshake(path: string, headers: readonly string[] = [], method = 'GET'): string {
  const lines = new Map(
    [
      'Host: 127.0.0.1',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      ...headers,
    ].map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line]),
  );
  const sent = [...lines.values()].filter((line) => !line.endsWith(':'));
  return `${method} ${path} HTTP/1.1\r\n${sent.join('\r\n')}\r\n\r\n`;
}

interface FrameOptions {
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly masked?: boolean;
  /** What the header claims, when it is not the payload's length. */
  readonly length?: bigint;
}

/** A frame as a client writes it, valid or not. */
export function clientFrame(opcode: number, payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, masked = true } = options;
  const body = Buffer.from(payload as string);
  const length = options.length ?? BigInt(body.length);
  const mask = randomBytes(4);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const bit = masked ? 0x80 : 0;
  let head: Buffer;
  if (length < 126n) {
    head = Buffer.from([first, bit | Number(length)]);
  } else if (length < 65_536n) {
    head = Buffer.from([first, bit | 126, 0, 0]);
    head.writeUInt16BE(Number(length), 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = bit | 127;
    head.writeBigUInt64BE(length, 2);
  }
  if (!masked) return Buffer.concat([head, body]);
  return Buffer.concat([head, mask, body.map((byte, index) => byte ^ (mask[index % 4] as number))]);
}

function readFrame(bytes: Buffer): (RawFrame & { end: number }) | null {
  if (bytes.length < 2) return null;
  let length = (bytes[1] as number) & 0x7f;
  let at = 2;
  if (length === 126) {
    if (bytes.length < 4) return null;
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return null;
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  if (bytes.length < at + length) return null;
  return {
    opcode: (bytes[0] as number) & 0x0f,
    payload: Buffer.from(bytes.subarray(at, at + length)),
    end: at + length,
  };
}
