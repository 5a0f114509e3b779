import { beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, take, toArray } from 'rxjs';
import { Bodies } from './bodies.js';
import { MemoryNetwork, type MemoryBus } from './bus/memory-bus.js';
import { NoneBus } from './bus/none-bus.js';
import { Channel, type ChannelMessage } from './channel.js';

/** Counts what it decodes. */
class CountingBodies extends Bodies {
  decoded = 0;

  override decode(...body: Parameters<Bodies['decode']>): unknown {
    this.decoded++;
    return super.decode(...body);
  }
}

describe('a channel', () => {
  let buses: [MemoryBus, MemoryBus, MemoryBus];

  beforeEach(async () => {
    const network = new MemoryNetwork();
    buses = [network.node('a'), network.node('b'), network.node('c')];
    for (const bus of buses) await bus.start();
  });

  const channelOf = (bus: MemoryBus, name = 'audit', bodies = new Bodies()) => new Channel(name, bus, bodies);
  const heard = async (channel: Channel, count: number): Promise<ChannelMessage[]> =>
    firstValueFrom(channel.messages$.pipe(take(count), toArray()));

  it('carries JSON values to all other nodes, in the order of each publisher', async () => {
    const [a, b, c] = buses.map((bus) => channelOf(bus)) as [Channel, Channel, Channel];
    const there = Promise.all([heard(b, 3), heard(c, 3)]);
    const own: unknown[] = [];
    a.messages$.subscribe((message) => own.push(message));
    for (const data of [1, { two: [2] }, null]) expect(a.publish(data)).toBe(true);
    const expected = [1, { two: [2] }, null].map((data) => ({ nodeId: 'a', data }));
    expect(await there).toEqual([expected, expected]);
    expect(own).toEqual([]);
  });

  it('hears nothing of channels with other names', async () => {
    const [a, b] = buses;
    const audit = heard(channelOf(b), 1);
    channelOf(a, 'Audit').publish('another');
    channelOf(a, 'audit ').publish('another');
    channelOf(a).publish('this');
    expect(await audit).toEqual([{ nodeId: 'a', data: 'this' }]);
  });

  it('decodes a message once, however many listen, and none while nobody does', async () => {
    const [a, b] = buses;
    const bodies = new CountingBodies();
    const listening = channelOf(b, 'audit', bodies);
    channelOf(a).publish(1);
    await new Promise(setImmediate);
    expect(bodies.decoded).toBe(0);
    const both = Promise.all([heard(listening, 1), heard(listening, 1)]);
    channelOf(a).publish(2);
    expect((await both).flat()).toHaveLength(2);
    expect(bodies.decoded).toBe(1);
  });

  it('says that a message was not sent that is too large, or finds queues full', () => {
    const [a] = buses;
    expect(channelOf(a).publish('x'.repeat(2_000_000))).toBe(false);
    const large = 'x'.repeat(900_000);
    const sent = Array.from({ length: 10 }, () => channelOf(a).publish(large));
    expect([sent[0], sent.at(-1)]).toEqual([true, false]);
  });

  it('has nobody to send to on a single node, which is no failure', () => {
    expect(new Channel('audit', new NoneBus('only'), new Bodies()).publish(1)).toBe(true);
  });

  it.each(['', 'x'.repeat(65), 'é'.repeat(33)])('has a name of 1 to 64 bytes: not %j', (name) => {
    expect(() => channelOf(buses[0], name)).toThrow(RangeError);
  });

  it.each(['x', 'x'.repeat(64), 'é'.repeat(32)])('may be called %j', (name) => {
    expect(channelOf(buses[0], name).name).toBe(name);
  });
});
