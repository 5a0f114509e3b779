/** Nodes that are back at different times, with the times that are in force where it counts. */
import { describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { BrokerProcess } from '../../broker/testing/broker-process.js';
import { BROKERS } from '../../broker/testing/brokers.js';
import { Cable } from '../../broker/testing/cable.js';
import { BROKER_TIMING } from '../carrier/broker-carrier.js';
import { TIMING } from '../protocol/options.js';
import { BrokeredNode } from './testing/brokered-node.js';

Logger.overrideLogger(false);
jest.setTimeout(60_000);

const FIRST_BACK_MS = 2_000;
const LAST_BACK_MS = 8_000;
const bob = { kind: 'user', name: 'bob' } as const;

// They wait most of their time, so they run together.
describe('a broker that is back for one node after 2 s, and for another after 8 s', () => {
  it('lets the longest way back take less than half of the time after which a node is dead', () => {
    const { connectMs, deadAfterMs, waitMaxMs } = BROKER_TIMING;
    expect(connectMs + waitMaxMs).toBeLessThan(deadAfterMs / 2);
  });

  it('takes a silent node for dead when the documentation says', () => {
    const [, udp, broker, other] =
      /^\| a peer that says nothing is dead after \| (\d+) s \| (\d+) s.* \| (\d+) s \|$/m.exec(
        readFileSync('docs/carriers.md', 'utf8'),
      ) ?? [];
    const times = [TIMING, BROKER_TIMING, BROKER_TIMING].map(({ deadAfterMs }) => deadAfterMs / 1_000);
    expect([udp, broker, other].map(Number)).toEqual(times);
  });

  for (const [name, { program, client }] of Object.entries(BROKERS)) {
    const [missing] = BrokerProcess.missing(program);
    if (missing !== undefined) {
      it.todo(`is not tested with ${name}: ${missing} is not installed`);
      continue;
    }

    it.concurrent(`leaves the peers what they were, and what was taken arrives once (${name})`, async () => {
      const broker = await BrokerProcess.start(program);
      const cluster = `return ${randomUUID()}`;
      const [first, last] = [await Cable.to(broker.port), await Cable.to(broker.port)];
      const [a, b] = await Promise.all([
        BrokeredNode.start(client(first.port), cluster, 'a', BROKER_TIMING),
        BrokeredNode.start(client(last.port), cluster, 'b', BROKER_TIMING),
      ]);
      await new Promise((reachable) => b.bus.join(bob, reachable));
      await a.sendUntilComplete('before');
      for (const told of [a.changes, b.changes, a.gaps, b.gaps]) told.length = 0;
      const peers = [a.bus.peers(), b.bus.peers()].map((all) => all.map(({ nodeId }) => nodeId));

      const beganAt = performance.now();
      const sinceThen = async (ms: number) => delay(Math.max(0, ms - (performance.now() - beganAt)));
      first.cut();
      last.cut();
      await broker.kill();
      await Promise.all([a.carried(false), b.carried(false), broker.start()]);
      await sinceThen(FIRST_BACK_MS);
      first.mend();
      await a.carried();
      const taken = await a.send('while the other is away');
      expect(taken).toMatchObject({ complete: false });
      await sinceThen(LAST_BACK_MS);
      last.mend();
      await b.carried();
      await a.sendUntilComplete('after');

      expect([a.changes, b.changes, a.gaps, b.gaps]).toEqual([[], [], [], []]);
      expect([a.bus.peers(), b.bus.peers()].map((all) => all.map(({ nodeId }) => nodeId))).toEqual(peers);
      expect(b.messages.filter((body) => body === '"while the other is away"')).toHaveLength(1);
      expect(new Set(b.messages).size).toBe(b.messages.length);
      await Promise.all([a.bus.stop(), b.bus.stop()]);
      await Promise.all([first.end(), last.end(), broker.end()]);
    });
  }
});
