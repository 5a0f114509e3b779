import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Cluster } from '../src/cluster/cluster.js';
import { clusterEnvironment } from './support/environment.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { TestNode } from './support/node.js';

const BROADCAST = '127.255.255.255';

function isJsonObject(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object' && JSON.parse(text) !== null;
  } catch {
    return false;
  }
}

/** The original program's side of the LAN: a socket on the shared port that says and hears bare JSON datagrams. */
class ForeignNode {
  readonly #heard: Record<string, unknown>[] = [];
  readonly #waiters: (() => void)[] = [];

  private constructor(
    private readonly socket: Socket,
    private readonly port: number,
  ) {
    socket.on('message', (bytes) => {
      if (!isJsonObject(bytes.toString())) return; // the nonsense that it sent itself: it hears its own broadcasts
      this.#heard.push(JSON.parse(bytes.toString()) as Record<string, unknown>);
      this.#waiters.splice(0).forEach((wake) => wake());
    });
  }

  static async open(port: number): Promise<ForeignNode> {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    socket.bind(port);
    await once(socket, 'listening');
    socket.setBroadcast(true);
    return new ForeignNode(socket, port);
  }

  say(datagram: string | Buffer): void {
    this.socket.send(datagram, this.port, BROADCAST);
  }

  /** The next datagram to a user, as the original reads it: the members it does not know left out. */
  async hear(userId: unknown): Promise<unknown> {
    for (;;) {
      const found = this.#heard.find((datagram) => datagram['user_id'] === userId);
      if (found !== undefined) {
        this.#heard.splice(this.#heard.indexOf(found), 1);
        return found['data'];
      }
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.close(resolve));
  }
}

describe('a plain node on one LAN with the original', () => {
  const env = clusterEnvironment({ CLUSTER_BUS: 'plain' });
  const port = Number(env['UDP_PORT']);
  let node: TestNode;
  let foreign: ForeignNode;

  beforeAll(async () => {
    [node, foreign] = await Promise.all([TestNode.start(env), ForeignNode.open(port)]);
  });

  afterAll(async () => {
    await Promise.all([node.stop(), foreign.close()]);
  });

  it('exchanges messages with it both ways', async () => {
    const one = await TestClient.connect(node.url('user_id=1'));
    foreign.say('{"user_id":1,"data":"haha"}');
    expect(await one.next()).toBe('haha');
    one.send('{"user_id":2,"data":"hoho"}');
    expect(await foreign.hear(2)).toBe('hoho');
    one.send('{"user_id":"three","data":{"a":1}}');
    expect(await foreign.hear('three')).toEqual({ a: 1 });
    await one.close();
  });

  it('does not claim to know who a foreign sender is', async () => {
    const two = await TestClient.ready(node.url('user_id=2'), [V1]);
    foreign.say('{"user_id":2,"data":"x","from":"root"}');
    expect(await two.nextJson()).toEqual({ event: 'message', data: { from: null, data: 'x' } });
    await two.close();
  });

  it('answers a sender that asks with the local count, and says that it is incomplete', async () => {
    const one = await TestClient.ready(node.url('user_id=1'));
    const two = await TestClient.ready(node.url('user_id=2'));
    expect(await one.ask({ user_id: 2, data: 1 })).toEqual({
      event: 'ack',
      id: 'q',
      data: { delivered: 1, complete: false },
    });
    expect(await one.ask({ user_id: 'nobody', data: 1 })).toMatchObject({
      data: { delivered: 0, complete: false },
    });
    await Promise.all([one.close(), two.close()]);
  });

  it('refuses what does not fit a datagram, and delivers it to nobody', async () => {
    const one = await TestClient.ready(node.url('user_id=1'));
    const error = await one.ask({ user_id: 1, data: 'x'.repeat(1200) });
    expect(error).toMatchObject({ event: 'error', data: { code: 'too_large', retryable: false } });
    expect(await one.ask({ event: 'ping' })).toEqual({ event: 'pong', id: 'q' });
    expect(one.pending).toEqual([]);
    await one.close();
  });

  it('delivers once to its own user although it hears its own broadcast', async () => {
    const one = await TestClient.ready(node.url('user_id=1'));
    one.send({ user_id: 1, data: 'self' });
    one.send({ user_id: 9, data: 'end' });
    await foreign.hear(9);
    expect(await one.nextJson()).toMatchObject({ event: 'message', data: { data: 'self' } });
    one.send({ event: 'ping' });
    expect(await one.nextJson()).toEqual({ event: 'pong' });
    await one.close();
  });

  it('survives any datagram, and counts what is no message', async () => {
    const before = node.app.get(Cluster).statistics();
    const one = await TestClient.connect(node.url('user_id=1'));
    const random = Array.from({ length: 200 }, (_, length) => Buffer.alloc(length, length * 37));
    const nasty = [
      '',
      '{',
      '[]',
      'null',
      '{"user_id":{}}',
      '{"user_id":1}',
      '{"__proto__":{"user_id":1},"data":2}',
    ];
    for (const datagram of [...random, ...nasty, '['.repeat(30_000)]) foreign.say(datagram);
    foreign.say('{"user_id":1,"data":"still here"}');
    expect(await one.next()).toBe('still here');
    const after = node.app.get(Cluster).statistics();
    expect(after.messagesReceived).toBe(before.messagesReceived + 1);
    expect(after.datagramsRejected.malformed).toBeGreaterThan(before.datagramsRejected.malformed);
    await one.close();
  });

  const hasSocat = spawnSync('socat', ['-V']).status === 0;
  (hasSocat ? it : it.skip)(
    `takes a message from one line of socat${hasSocat ? '' : ' (skipped: socat is not installed)'}`,
    async () => {
      const one = await TestClient.connect(node.url('user_id=1'));
      execFileSync('socat', ['-', `UDP4-DATAGRAM:${BROADCAST}:${port},broadcast`], {
        input: '{"user_id":1,"data":"from a shell"}\n',
      });
      expect(await one.next()).toBe('from a shell');
      await one.close();
    },
  );
});
