import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { clusterEnvironment } from './support/environment.js';
import { freePort } from './support/free-port.js';
import { NodeProcess } from './support/node-process.js';
import { handshake, RawClient } from './support/raw-client.js';

/** How often each thing is tried: far more often than the log has room for. */
const ATTEMPTS = 60;
/** Five lines in 10 s, and a machine so slow that an attempt of all takes 30 s. */
const LINES_MAX = 15;

const request = (line: string, headers: readonly string[] = [], body = ''): string =>
  [`${line} HTTP/1.1`, 'Host: x', ...headers, `Content-Length: ${body.length}`, '', body].join('\r\n');
const json = 'Content-Type: application/json';
const hs256 = Buffer.from('{"alg":"HS256"}').toString('base64url');

/** What a stranger may write to the public port. */
const PUBLIC: Record<string, string> = {
  'a plain request': request('GET /'),
  'one that a controller fails at': request('GET /orders/1%0Aforged'),
  'broken escapes': request('GET /orders/%zz'),
  'a broken body': request('POST /orders/1', [json], '{"a":'),
  'a body of an unknown encoding': request('POST /orders/1', [json, 'Content-Encoding: zip'], '{}'),
  'another protocol': request('GET /orders/1', ['Upgrade: h2c', 'Connection: Upgrade']),
  'no HTTP': '\u0016\u0003\u0001 this is TLS\r\n\r\n',
  'an expectation': request('POST /orders/1', ['Expect: soup']),
  'an upgrade without token': handshake('/chat'),
  'one with a bad token': handshake('/chat', [`Authorization: Bearer ${hs256}.e30.AAAA`]),
  'one with a bad key': handshake('/chat', ['Sec-WebSocket-Key: x']),
  'one of another path': handshake('/other'),
};

/** What a stranger may send to the operators' door, without an API key. */
const OPERATIONS: Record<string, string> = {
  'a wrong key': request('GET /v1/cluster', ['Authorization: Bearer wrong']),
  'a wrong key and a broken body': request('POST /v1/messages', ['Authorization: Bearer wrong', json], '{'),
  'a path that is none': request('GET /v1/users/%zz', ['Authorization: Bearer wrong']),
  'another path': request('GET /nothing'),
  'no HTTP there': 'nonsense\r\n\r\n',
};

describe('what strangers can do', () => {
  let node: NodeProcess;
  let operations: string;
  const cluster = clusterEnvironment();

  beforeAll(async () => {
    operations = await freePort();
    node = await NodeProcess.start({
      ...cluster,
      AUTH_MODE: 'jwt',
      AUTH_JWT_SECRET: randomBytes(32).toString('hex'),
      OPS_PORT: operations,
      API_KEYS: randomBytes(32).toString('hex'),
      LOG_LEVEL: 'debug',
      LOG_FORMAT: 'json',
      NODE_OPTIONS: '--import ./test/support/failing-module.mjs',
    });
  });

  afterAll(async () => {
    await node.kill();
  });

  async function attempt(port: number, text: string): Promise<void> {
    const client = await RawClient.connect(port);
    client.write(text);
    await Promise.race([client.response().catch(() => undefined), client.ended()]);
    client.destroy();
  }

  async function send(datagrams: readonly Buffer[]): Promise<void> {
    const socket = createSocket('udp4');
    const port = Number(cluster['UDP_PORT']);
    for (const bytes of datagrams) {
      await new Promise((resolve) => socket.send(bytes, port, '127.0.0.1', resolve));
    }
    socket.close();
  }

  /** Lines since then that say the same of something, by how often; and all that is no line of ours. */
  function linesSince(mark: number): Map<string, number> {
    const counts = new Map<string, number>();
    for (const line of node.output.slice(mark).split('\n').filter(Boolean)) {
      const { context, message } = line.startsWith('{')
        ? (JSON.parse(line) as { context: string; message: string })
        : { context: 'no line of ours', message: line };
      const key = `${context}: ${message.slice(0, 20)}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  }

  it('adds a few lines to the log, however often they do it, and none that is forged', async () => {
    const mark = node.output.length;
    const all = [
      ...Object.values(PUBLIC).map((text) => [node.port, text] as const),
      ...Object.values(OPERATIONS).map((text) => [Number(operations), text] as const),
    ];
    for (const [port, text] of all) {
      await Promise.all(Array.from({ length: ATTEMPTS }, async () => attempt(port, text)));
    }
    await send(Array.from({ length: ATTEMPTS }, () => randomBytes(200)));
    await send(
      Array.from({ length: ATTEMPTS }, () => Buffer.concat([Buffer.from([0xd1]), randomBytes(199)])),
    );
    await node.waitForOutput(/sealed with another secret/);
    await node.waitForOutput(/no order 1/);
    node.signal('SIGTERM');
    await node.exited();
    const counts = linesSince(mark);
    expect([...counts].filter(([, count]) => count > LINES_MAX)).toEqual([]);
    expect([...counts.keys()].filter((key) => key.startsWith('no line of ours'))).toEqual([]);
  });
});
