import { createHash } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { refusalClose, UPGRADE_REFUSALS, type UpgradeRefusalCode } from '../../wire/codes.js';

/** After this the socket of a client that does not read the refusal is cut. */
const REFUSAL_TIMEOUT_MS = 2000;

/** RFC 6455 1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** RFC 6455 5.2: the first byte of a close frame, which is final. */
const CLOSE_FRAME = 0x88;

/** What the client's 101 must have. */
export interface Acceptance {
  /** Sec-WebSocket-Key. */
  readonly key: string;
  readonly subprotocol: string;
}

/** The body of a refusal: the entry of the code table. */
export function refusalBody(code: UpgradeRefusalCode): string {
  const { message, retryable } = UPGRADE_REFUSALS[code];
  return JSON.stringify({ code, message, retryable });
}

/** Status and headers of a refusal. The connection ends with it. */
export function refusalHead(code: UpgradeRefusalCode): [status: number, headers: Record<string, string>] {
  const { status } = UPGRADE_REFUSALS[code];
  return [
    status,
    {
      Connection: 'close',
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(refusalBody(code))),
      ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
      ...(status === 426 && { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' }),
      ...(status === 503 && { 'Retry-After': '1' }),
    },
  ];
}

/** Answers a request over its raw socket, and closes it. */
export function refuseUpgrade(socket: Duplex, code: UpgradeRefusalCode, hasBody = true): void {
  const [status, headers] = refusalHead(code);
  cutLater(socket);
  socket.once('finish', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      '',
      hasBody ? refusalBody(code) : '',
    ].join('\r\n'),
  );
}

/**
 * Answers an upgrade request by a WebSocket that closes at once, in one write. The socket is closed when the client has
 * answered the close frame, or after a while. (ws is not used: it would read all frames that the client sends
 * meanwhile.)
 */
export function closeUpgrade(
  socket: Duplex,
  { key, subprotocol }: Acceptance,
  refusal: UpgradeRefusalCode,
): void {
  const head = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${createHash('sha1').update(`${key}${ACCEPT_GUID}`).digest('base64')}`,
    `Sec-WebSocket-Protocol: ${subprotocol}`,
    '\r\n',
  ].join('\r\n');
  const { code, reason } = refusalClose(refusal);
  const payload = Buffer.from(`  ${reason}`);
  payload.writeUInt16BE(code);
  cutLater(socket);
  // the answer, or what the client sent before it read our close: it is dropped, and so is all that follows
  socket.once('data', () => socket.end());
  socket.once('end', () => socket.end());
  socket.write(Buffer.concat([Buffer.from(head), Buffer.from([CLOSE_FRAME, payload.length]), payload]));
}

function cutLater(socket: Duplex): void {
  const cut = setTimeout(() => socket.destroy(), REFUSAL_TIMEOUT_MS).unref();
  socket.once('close', () => clearTimeout(cut));
}
