import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { UPGRADE_REFUSALS, type UpgradeRefusalCode } from '../../wire/codes.js';

/** For a client that does not even take the refusal. */
const REFUSAL_TIMEOUT_MS = 2000;

/** The body of a refusal: the entry of the code table. */
export function refusalBody(code: UpgradeRefusalCode): string {
  const { message, retryable } = UPGRADE_REFUSALS[code];
  return JSON.stringify({ code, message, retryable });
}

/** Answers an upgrade request over its raw socket, and closes it. */
export function refuseUpgrade(socket: Duplex, code: UpgradeRefusalCode): void {
  const { status } = UPGRADE_REFUSALS[code];
  const body = refusalBody(code);
  const cut = setTimeout(() => socket.destroy(), REFUSAL_TIMEOUT_MS).unref();
  socket.once('close', () => clearTimeout(cut));
  socket.once('finish', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
      ...(status === 426 ? ['Upgrade: websocket', 'Sec-WebSocket-Version: 13'] : []),
      ...(status === 503 ? ['Retry-After: 1'] : []),
      '',
      body,
    ].join('\r\n'),
  );
}
