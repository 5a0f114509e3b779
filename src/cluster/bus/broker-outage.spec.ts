import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { filter, firstValueFrom } from 'rxjs';
import { BrokerProcess } from '../../broker/testing/broker-process.js';
import { BROKERS } from '../../broker/testing/brokers.js';
import { BROKER_TIMING, BrokerCarrier } from '../carrier/broker-carrier.js';
import type { Receipt } from './bus.js';
import { ProtocolBus } from './protocol-bus.js';

Logger.overrideLogger(false);

/** Outages are noticed and ended sooner. */
const TIMING = { ...BROKER_TIMING, waitMaxMs: 200, echoMs: 100, silentMs: 400, renewMs: 800 };
const bob = { kind: 'user', name: 'bob' } as const;

interface Node {
  readonly bus: ProtocolBus;
  readonly carrier: BrokerCarrier;
  readonly changes: string[];
  readonly gaps: string[];
  readonly messages: string[];
}

for (const [name, { program, client }] of Object.entries(BROKERS)) {
  const [missing] = BrokerProcess.missing(program);
  describe(`an outage of ${name}`, () => {
    if (missing !== undefined) {
      it.todo(`is not tested: ${missing} is not installed`);
      return;
    }
    let broker: BrokerProcess;
    let a: Node;
    let b: Node;

    const config = { CLUSTER_SECRET: [randomBytes(32).toString('hex')], version: 'test' };
    const start = async (NODE_NAME: string, CLUSTER_NAME: string): Promise<Node> => {
      const bootId = randomBytes(12);
      const carrier = new BrokerCarrier(client(broker.port), CLUSTER_NAME, bootId, TIMING);
      const bus = new ProtocolBus(bootId, { ...config, CLUSTER_NAME, NODE_NAME }, carrier);
      const node: Node = { bus, carrier, changes: [], gaps: [], messages: [] };
      bus.peerChanges$.subscribe(({ change }) => node.changes.push(change));
      bus.gaps$.subscribe(({ kind }) => node.gaps.push(kind));
      bus.messages$.subscribe(({ data: body, acknowledge }) => {
        node.messages.push(body.toString());
        acknowledge?.(1);
      });
      await bus.start();
      return node;
    };
    const carried = async (node: Node, isCarried: boolean): Promise<unknown> =>
      firstValueFrom(node.carrier.outage$.pipe(filter((outage) => (outage === null) === isCarried)));
    const bothCarried = async (isCarried: boolean): Promise<unknown> =>
      Promise.all([carried(a, isCarried), carried(b, isCarried)]);
    const send = async (node: Node, body: string): Promise<Receipt | 'congested' | 'too_large'> =>
      new Promise((resolve) => {
        const message = { to: 'bob', from: null, data: Buffer.from(JSON.stringify(body)) };
        const refusal = node.bus.send(message, resolve);
        if (refusal !== null) resolve(refusal);
      });
    /** Sends until the peer is heard again, and counts it. */
    const sendUntilComplete = async (node: Node, body: string): Promise<void> => {
      for (let turn = 1; ; turn += 1) {
        const receipt = await send(node, `${body} ${turn}`);
        if (receipt !== 'congested' && receipt !== 'too_large' && receipt.complete && receipt.delivered === 1)
          return;
        await delay(20);
      }
    };

    beforeEach(async () => {
      broker = await BrokerProcess.start(program);
      const cluster = `outage ${randomUUID()}`;
      [a, b] = await Promise.all([start('a', cluster), start('b', cluster)]);
      await new Promise<boolean>((reachable) => b.bus.join(bob, reachable));
      await sendUntilComplete(a, 'before');
      a.changes.length = 0;
    });

    afterEach(async () => {
      await Promise.all([a.bus.stop(), b.bus.stop()]);
      await broker.end();
    });

    it('by kill -9 loses and doubles nothing, and no node is taken for dead', async () => {
      const before = b.messages.length;
      const onItsWay = send(a, 'on its way');
      await broker.kill();
      await bothCarried(false);
      expect(await send(a, 'refused')).toBe('congested');
      expect(a.bus.holders({ kind: 'user', name: 'nobody' }).complete).toBe(false);
      expect(a.bus.health().problems[0]).toContain(`127.0.0.1:${broker.port}`);
      expect(await onItsWay).toMatchObject({ complete: expect.any(Boolean) });
      await broker.start();
      await bothCarried(true);
      await sendUntilComplete(a, 'after');
      expect(a.changes).toEqual([]);
      expect(a.gaps).toEqual([]);
      const came = b.messages.slice(before);
      expect(new Set(came).size).toBe(came.length);
      expect(came).toContain('"on its way"');
      expect(came).not.toContain('"refused"');
    });

    it('that stops without closing connections is noticed, and ends when it goes on', async () => {
      broker.signal('SIGSTOP');
      await bothCarried(false);
      expect(await send(a, 'refused')).toBe('congested');
      broker.signal('SIGCONT');
      await bothCarried(true);
      await sendUntilComplete(a, 'after');
      expect(a.changes).toEqual([]);
      expect(b.messages).not.toContain('"refused"');
    });

    it('shows a connection that opened in it, afterwards', async () => {
      await broker.kill();
      await bothCarried(false);
      const complete = await new Promise<boolean>((reachable) =>
        a.bus.join({ kind: 'user', name: 'ann' }, reachable),
      );
      expect(complete).toBe(false);
      expect(a.gaps).toEqual(['late']);
      await broker.start();
      await bothCarried(true);
      while (b.bus.holders({ kind: 'user', name: 'ann' }).nodeIds.length === 0) await delay(20);
      expect(b.bus.holders({ kind: 'user', name: 'ann' }).nodeIds).toEqual([a.bus.nodeId]);
    });
  });
}
