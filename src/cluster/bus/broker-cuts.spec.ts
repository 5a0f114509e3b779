/** What brokers do to connections, while messages are under way: nothing is lost silently, and nothing comes twice. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { subjectPart } from '../../broker/broker-client.js';
import { NatsClient } from '../../broker/nats-client.js';
import { natsVariables } from '../../broker/nats.config.js';
import { BrokerProcess, freePort } from '../../broker/testing/broker-process.js';
import { BROKERS } from '../../broker/testing/brokers.js';
import { redisCommand } from '../../broker/testing/redis-command.js';
import type { Receipt } from './bus.js';
import { BrokeredNode } from './testing/brokered-node.js';

Logger.overrideLogger(false);

const bob = { kind: 'user', name: 'bob' } as const;
const missing = BrokerProcess.missing('nats-server', 'redis-server');
const brokers: BrokerProcess[] = [];

interface Cut {
  /** Two nodes on the broker, or on one server of it each. */
  readonly start: () => Promise<readonly [BrokeredNode, BrokeredNode]>;
  readonly cut: (a: BrokeredNode) => Promise<unknown> | void;
}

async function run(program: 'nats-server' | 'redis-server', config: readonly string[] = [], port?: number) {
  const broker = await BrokerProcess.start(program, config, port);
  brokers.push(broker);
  return broker;
}

const cluster = `cut ${randomUUID()}`;

const onNats = async (NATS_URL: string, name: string): Promise<BrokeredNode> =>
  BrokeredNode.start(new NatsClient(natsVariables.parse({ NATS_URL })), cluster, name);

/** The first loses its server, and goes to that of the second. */
function losesServer(signal: 'SIGUSR2' | 'SIGKILL'): Cut {
  return {
    start: async () => {
      const ports = [await freePort(), await freePort()] as const;
      const routes = [await freePort(), await freePort()] as const;
      const [one, two] = ports.map((port) => `nats://127.0.0.1:${port}`) as [string, string];
      const config = (own: number, other: number): string[] => [
        `cluster { name: test, listen: "127.0.0.1:${own}", routes: ["nats://127.0.0.1:${other}"] }`,
      ];
      await run('nats-server', config(routes[0], routes[1]), ports[0]);
      // Only one of its servers is there yet.
      const a = await onNats(`${one},${two}`, 'a');
      await run('nats-server', config(routes[1], routes[0]), ports[1]);
      return [a, await onNats(two, 'b')];
    },
    cut: () => brokers[0]?.signal(signal),
  };
}

function onRedis(config: readonly string[], command: string): Cut {
  return {
    start: async () => {
      const { port } = await run('redis-server', config);
      const { client } = BROKERS.Redis;
      return [
        await BrokeredNode.start(client(port), cluster, 'a'),
        await BrokeredNode.start(client(port), cluster, 'b'),
      ];
    },
    cut: async () => redisCommand(brokers[0] as BrokerProcess, command),
  };
}

const TOO_MUCH = `redis.call('publish', 'lf.${subjectPart(cluster)}.all', string.rep('x', 32768))`;

const CUTS: Record<string, Cut> = {
  'NATS cuts a slow consumer': {
    start: async () => {
      const { port } = await run('nats-server', ['max_pending: 65536', 'max_payload: 65536']);
      const url = `nats://127.0.0.1:${port}`;
      return [await onNats(url, 'a'), await onNats(url, 'b')];
    },
    // Within one turn, in which nothing is read.
    cut: ({ carrier }) => {
      for (let count = 0; count < 120; count += 1) carrier.toAll(Buffer.alloc(32_768, 0xd1));
    },
  },
  'a NATS server is shut down (lame duck), of two': losesServer('SIGUSR2'),
  'a NATS server dies, of two': losesServer('SIGKILL'),
  'Redis kills connections': onRedis([], 'CLIENT KILL TYPE pubsub'),
  'Redis is paused': onRedis([], 'CLIENT PAUSE 1000 ALL'),
  'Redis cuts what too much waits for': onRedis(
    ['client-output-buffer-limit pubsub 64kb 64kb 1'],
    `EVAL "for count = 1, 100 do ${TOO_MUCH} end" 0`,
  ),
};

describe('messages that are under way', () => {
  if (missing.length > 0) {
    it.todo(`are not tested with brokers: ${missing.join(', ')} not installed`);
    return;
  }

  afterEach(async () => {
    await Promise.all(brokers.splice(0).map(async (broker) => broker.end()));
  });

  it.each(Object.entries(CUTS))('arrive once or are refused when %s', async (_what, { start, cut }) => {
    const [a, b] = await start();
    await new Promise((reachable) => b.bus.join(bob, reachable));
    await a.sendUntilComplete('before');
    for (const told of [a.changes, b.changes, a.gaps, b.gaps, b.messages]) told.length = 0;

    const answers: Promise<readonly [string, Receipt | 'congested' | 'too_large']>[] = [];
    let isOver = false;
    const talking = (async () => {
      while (!isOver) {
        const body = `message ${answers.length}`;
        answers.push(a.send(body).then((answer) => [`"${body}"`, answer] as const));
        await delay(2);
      }
    })();
    while (b.messages.length < 20) await nextTurn();
    const isAway = Promise.race([a.carried(false), b.carried(false)]);
    await cut(a);
    await isAway;
    await Promise.all([a.carried(), b.carried()]);
    isOver = true;
    await talking;
    await a.sendUntilComplete('after');

    const told = await Promise.all(answers);
    const came = b.messages.filter((body) => body.startsWith('"message'));
    const taken = told.filter(([, answer]) => typeof answer === 'object').map(([body]) => body);
    // Each that was taken, once and in order, and none that was refused.
    expect(came).toEqual(taken);
    expect([a.changes, b.changes, a.gaps, b.gaps]).toEqual([[], [], [], []]);
    await Promise.all([a.bus.stop(), b.bus.stop()]);
  });
});
