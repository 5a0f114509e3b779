import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { filter, firstValueFrom } from 'rxjs';
import { BrokerProcess } from '../../broker/testing/broker-process.js';
import { BROKERS } from '../../broker/testing/brokers.js';
import { Cable } from '../../broker/testing/cable.js';
import { Echo } from '../carrier/echo.js';
import { BrokeredNode } from './testing/brokered-node.js';

Logger.overrideLogger(false);

const bob = { kind: 'user', name: 'bob' } as const;

for (const [name, { program, client, watch }] of Object.entries(BROKERS)) {
  const [missing] = BrokerProcess.missing(program);
  describe(`${name} as carrier`, () => {
    if (missing !== undefined) {
      it.todo(`is not tested: ${missing} is not installed`);
      return;
    }
    let broker: BrokerProcess;
    let a: BrokeredNode;
    let b: BrokeredNode;
    let cable: Cable;
    let cluster: string;

    const bothCarried = async (isCarried: boolean): Promise<unknown> =>
      Promise.all([a.carried(isCarried), b.carried(isCarried)]);

    beforeEach(async () => {
      broker = await BrokerProcess.start(program);
      cluster = `outage ${randomUUID()}`;
      cable = await Cable.to(broker.port);
      [a, b] = await Promise.all([
        BrokeredNode.start(client(cable.port), cluster, 'a'),
        BrokeredNode.start(client(broker.port), cluster, 'b'),
      ]);
      await new Promise<boolean>((reachable) => b.bus.join(bob, reachable));
      await a.sendUntilComplete('before');
      a.changes.length = 0;
    });

    afterEach(async () => {
      await Promise.all([a.bus.stop(), b.bus.stop()]);
      await cable.end();
      await broker.end();
    });

    it('killed (-9) and started again, loses and doubles nothing, and no node is taken for dead', async () => {
      const before = b.messages.length;
      const onItsWay = a.send('on its way');
      await broker.kill();
      await bothCarried(false);
      expect(await a.send('refused')).toBe('congested');
      expect(a.bus.holders({ kind: 'user', name: 'nobody' }).complete).toBe(false);
      expect(a.bus.health().problems[0]).toContain(`127.0.0.1:${cable.port}`);
      expect(await onItsWay).toMatchObject({ complete: expect.any(Boolean) });
      await broker.start();
      await bothCarried(true);
      await a.sendUntilComplete('after');
      expect(a.changes).toEqual([]);
      expect(a.gaps).toEqual([]);
      const came = b.messages.slice(before);
      expect(new Set(came).size).toBe(came.length);
      expect(came).toContain('"on its way"');
      expect(came).not.toContain('"refused"');
    });

    it('that stands still is noticed, and carries again when it goes on', async () => {
      broker.signal('SIGSTOP');
      await bothCarried(false);
      expect(await a.send('refused')).toBe('congested');
      broker.signal('SIGCONT');
      await bothCarried(true);
      await a.sendUntilComplete('after');
      expect(a.changes).toEqual([]);
      expect(b.messages).not.toContain('"refused"');
    });

    it('shows a connection that opened while it was away, afterwards', async () => {
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

    it('that one node does not reach: the node drops nobody, is dropped, and is met again', async () => {
      cable.cut();
      await a.carried(false);
      expect(await a.send('refused')).toBe('congested');
      await firstValueFrom(b.bus.peerChanges$.pipe(filter(({ change }) => change === 'lost')));
      expect(a.changes).toEqual([]);
      expect(a.bus.peers()).toHaveLength(1);
      cable.mend();
      await a.carried();
      await a.sendUntilComplete('after');
      expect(b.messages).not.toContain('"refused"');
      expect(new Set(b.messages).size).toBe(b.messages.length);
    });

    it('carries a message to the node that has the user, and to no other one', async () => {
      const watcher = await watch(broker.port);
      const c = await BrokeredNode.start(client(broker.port), cluster, 'c');
      await a.sendUntilComplete('with three');
      const before = watcher.heard.length;
      // Each waits for the one before, so that they do not share datagrams.
      for (let count = 0; count < 100; count += 1) await a.send(`message ${count}`);
      const heard = watcher.heard
        .slice(before)
        .filter(({ bytes }) => !Echo.isOne(bytes))
        .map(({ subject }) => subject);
      const sentTo = ({ bus }: BrokeredNode): number =>
        heard.filter((subject) => subject.endsWith(`.n.${bus.nodeId}`)).length;
      expect(sentTo(b)).toBeGreaterThanOrEqual(100);
      // What keeps a session alive goes on.
      expect(sentTo(c)).toBeLessThan(25);
      await c.bus.stop();
      await watcher.close();
    });

    it('can read nothing, and changes nothing by what it repeats, doubles, reorders and cuts short', async () => {
      const watcher = await watch(broker.port);
      await new Promise<boolean>((reachable) =>
        b.bus.join({ kind: 'room', name: 'secret-room' }, () => reachable(true)),
      );
      b.bus.join({ kind: 'user', name: 'secret-user' }, () => undefined);
      await a.sendUntilComplete('secret-body');
      a.bus.sendToRoom({ room: 'secret-room', from: 'secret-sender', data: Buffer.from('"secret"') }, null);
      await a.bus.ask('secret-topic', Buffer.from('secret-question'), 200);
      expect(watcher.heard.length).toBeGreaterThan(5);
      for (const { subject, bytes } of watcher.heard) {
        expect(bytes.includes('secret')).toBe(false);
        expect(subject).toMatch(/^lf\.outage%20[-0-9a-f]+\.(all|n\.[0-9a-f]{24})$/);
      }
      const before = b.messages.length;
      const played = watcher.heard.slice();
      for (const { subject, bytes } of [...played.toReversed(), ...played]) {
        watcher.publish(subject, bytes);
        watcher.publish(subject, bytes.subarray(0, bytes.length - 7));
        watcher.publish(subject, bytes.subarray(0, 3));
      }
      await watcher.flush();
      await a.sendUntilComplete('after');
      expect(b.messages.slice(before).filter((body) => !body.startsWith('"after'))).toEqual([]);
      expect([a.changes, a.gaps, b.gaps]).toEqual([[], [], []]);
      await watcher.close();
    });
  });
}
