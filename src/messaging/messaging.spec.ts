import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { MemoryNetwork, type MemoryBus } from '../cluster/bus/memory-bus.js';
import { NoneBus } from '../cluster/bus/none-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import { moduleFailures } from '../telemetry/module-failures.js';
import type { Message } from '../wire/message.js';
import { Messaging } from './messaging.js';

describe('what a module sends', () => {
  let messaging: Messaging;
  let received: Message[];

  beforeEach(() => {
    Logger.overrideLogger(false);
    received = [];
    const connections = new ConnectionRegistry();
    for (const userId of ['2', '-2']) {
      const device = new FakeDevice(`of ${userId}`, userId);
      device.deliver = (message) => received.push(message) > 0;
      connections.add(device);
    }
    messaging = new Messaging(connections, new Cluster(new NoneBus('n')));
  });

  it.each(['2', 2])('reaches the user %p, as a number and as a string', async (userId) => {
    expect(await messaging.send(userId, { a: 1 }, 7)).toEqual({ delivered: 1, complete: true });
    expect(received).toMatchObject([{ to: '2', from: '7', data: Buffer.from('{"a":1}') }]);
  });

  const circular: Record<string, unknown> = {};
  circular['self'] = circular;

  it.each<[string, unknown, unknown, unknown, string]>([
    ['a user without a name', '', 1, null, 'bad_user_id'],
    ['a user of 129 bytes', 'x'.repeat(129), 1, null, 'bad_user_id'],
    ['a user who is an object', { id: 2 }, 1, null, 'bad_user_id'],
    ['a user who is undefined', undefined, 1, null, 'bad_user_id'],
    ['a user who is half a number', 2.5, 1, null, 'bad_user_id'],
    ['a sender who is none', '2', 1, { id: 1 }, 'bad_user_id'],
    ['a sender without a name', '2', 1, '', 'bad_user_id'],
    ['nothing', '2', undefined, null, 'missing_data'],
    ['a function', '2', () => 1, null, 'missing_data'],
    ['undefined from toJSON', '2', { toJSON: () => undefined }, null, 'missing_data'],
    ['a BigInt', '2', 1n, null, 'BigInt'],
    ['what is circular', '2', circular, null, 'circular'],
    ['more than a mebibyte', '2', 'é'.repeat(600_000), null, 'too_large'],
  ])('goes nowhere, and says why, when it is %s', async (_, to, data, from, why) => {
    await expect(messaging.send(to as string, data, from as string)).rejects.toThrow(why);
    expect(received).toEqual([]);
  });

  it('must be bytes, not text', () => {
    const text = { to: '2', from: null, data: '"text"' } as never;
    expect(() => messaging.post(text, null)).toThrow(TypeError);
    const tooLarge = { to: '2', from: null, data: Buffer.alloc(1_048_577, '1') };
    expect(messaging.post(tooLarge, () => undefined)).toBe('too_large');
    expect(received).toEqual([]);
  });

  it('is delivered even when the callback for its outcome throws', () => {
    const before = moduleFailures.outcome;
    const post = (outcome: () => void) =>
      messaging.post({ to: '2', from: null, data: Buffer.from('1') }, outcome);
    const refusal = post(() => {
      throw new Error('a module');
    });
    expect([refusal, received.length, moduleFailures.outcome]).toEqual([null, 1, before + 1]);
  });

  it.each(['2', 2])('reaches the user %p even if nobody waits for the outcome', (userId) => {
    expect(messaging.sendAndForget(userId, { a: 1 }, 7)).toBeNull();
    expect(received).toMatchObject([{ to: '2', from: '7', data: Buffer.from('{"a":1}') }]);
  });

  it('says at once why it went nowhere, if nobody waits for the outcome', () => {
    expect(messaging.sendAndForget('', 1)).toBe('bad_user_id');
    expect(messaging.sendAndForget('2', undefined)).toBe('missing_data');
    expect(messaging.sendAndForget('2', 'x'.repeat(1_048_576))).toBe('too_large');
    expect(received).toEqual([]);
  });

  it('is told to subscribers once it was accepted', () => {
    const told: Message[] = [];
    messaging.sendAndForget('2', 'before');
    const subscription = messaging.posted$.subscribe((message) => told.push(message));
    messaging.sendAndForget('2', 'here', 1);
    messaging.sendAndForget('nobody', 'absent');
    messaging.sendAndForget('', 'refused');
    subscription.unsubscribe();
    messaging.sendAndForget('2', 'after');
    expect(told.map(({ to, from, data }) => [to, from, data.toString()])).toEqual([
      ['2', '1', '"here"'],
      ['nobody', null, '"absent"'],
    ]);
  });
});

describe('a message in a cluster', () => {
  let buses: MemoryBus[];
  let nodes: { connections: ConnectionRegistry; messaging: Messaging }[];

  beforeEach(async () => {
    const network = new MemoryNetwork();
    buses = [network.node('a'), network.node('b')];
    for (const bus of buses) await bus.start();
    nodes = buses.map((bus) => {
      const connections = new ConnectionRegistry();
      const messaging = new Messaging(connections, new Cluster(bus));
      messaging.onModuleInit();
      return { connections, messaging };
    });
  });

  const at = (index: number) => (nodes[index] as (typeof nodes)[number]).messaging;
  const connect = (index: number, userId: string) => {
    const device = new FakeDevice(`${index}`, userId);
    at(index).join(device, () => undefined);
    return device;
  };

  it('reaches the devices of all nodes, and counts those that took it', async () => {
    const devices = [connect(0, 'ann'), connect(1, 'ann'), connect(1, 'ann'), connect(1, 'bob')];
    (devices[2] as FakeDevice).accepts = false;
    expect(await at(0).send('ann', 1)).toEqual({ delivered: 2, complete: true });
    expect(devices.map(({ received }) => received.length)).toEqual([1, 1, 0, 0]);
  });

  it('that the cluster refuses reaches nobody here either', () => {
    const here = connect(0, 'ann');
    connect(1, 'ann');
    const fill = { to: 'ann', from: null, data: Buffer.alloc(1_000_000, '1') };
    const refusals = Array.from({ length: 6 }, () => at(0).post(fill, null));
    expect(refusals).toEqual([null, null, null, null, 'congested', 'congested']);
    expect(here.received).toHaveLength(4);
    expect(at(0).statistics.clusterRefused.congested).toBe(2);
  });

  it('goes to a user from the join to the leave, here and on other nodes', async () => {
    const device = connect(1, 'ann');
    const elsewhere = () => (buses[0] as MemoryBus).holders({ kind: 'user', name: 'ann' }).nodeIds;
    expect(elsewhere()).toEqual(['b']);
    expect(nodes[1]?.connections.count('ann')).toBe(1);
    at(1).leave(device);
    at(1).leave(device);
    expect(elsewhere()).toEqual([]);
    expect(await at(0).send('ann', 1)).toEqual({ delivered: 0, complete: true });
    expect(await at(1).send('ann', 1)).toEqual({ delivered: 0, complete: true });
  });

  it('with an id that was delivered is not delivered again, and counted as before', async () => {
    const [here, there] = [connect(0, 'ann'), connect(1, 'ann')];
    const message = { to: 'ann', from: 'bob', data: Buffer.from('1'), messageId: 'm-1' };
    const post = async () => new Promise((resolve) => at(0).post(message, resolve));
    expect(await post()).toEqual({ delivered: 2, complete: true });
    expect(await post()).toEqual({ delivered: 2, complete: true });
    expect([here.received.length, there.received.length]).toEqual([1, 1]);
  });
});
